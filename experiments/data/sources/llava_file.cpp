#include "experiments/data/sources/llava_file.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "eval/tasks/task_items.h"
#include "experiments/data/sources/picture_file.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

int64_t count_markers(std::string_view text) {
  constexpr std::string_view kMarker = "<image>";
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(kMarker, at)) != std::string_view::npos;
       at += kMarker.size()) {
    ++count;
  }
  return count;
}

decoder::Role llava_role(const std::string& from, const std::string& where) {
  if (from == "human" || from == "user") return decoder::Role::kUser;
  if (from == "gpt" || from == "assistant") return decoder::Role::kAssistant;
  if (from == "system") return decoder::Role::kSystem;
  throw std::runtime_error(where + ": 'from' is \"" + from + "\", expected human, gpt or system");
}

std::vector<fs::path> llava_images(const Json& entry, const fs::path& folder,
                                   const std::string& where) {
  const auto found = entry.find("image");
  if (found == entry.end() || found->is_null()) return {};
  std::vector<fs::path> images;
  if (found->is_array()) {
    for (const auto& image : json_get<std::vector<std::string>>(entry, "image", where)) {
      images.push_back(folder / image);
    }
  } else {
    images.push_back(folder / json_get<std::string>(entry, "image", where));
  }
  return images;
}

std::vector<decoder::Message> llava_turns(const Json& entry, const std::string& where) {
  std::vector<decoder::Message> turns;
  for (const Json& turn : json_get<std::vector<Json>>(entry, "conversations", where)) {
    decoder::Message message;
    message.role = llava_role(json_get<std::string>(turn, "from", where), where);
    message.text = json_get<std::string>(turn, "value", where);
    if (message.role == decoder::Role::kUser) message.num_images = count_markers(message.text);
    turns.push_back(std::move(message));
  }
  decoder::validate(turns);
  return turns;
}

}  // namespace

LlavaFile::LlavaFile(const fs::path& file, const fs::path& images) : file_(file) {
  eval::for_each_annotation(file, wanted(), "", [&](const Json& json, const std::string& where) {
    Entry entry;
    entry.where = where;
    try {
      entry.images = llava_images(json, images, where);
      entry.turns = llava_turns(json, where);
    } catch (const std::exception& error) {  // wrong JSON, or turns in an impossible order
      entry.problem = error.what();
    }
    const size_t begin = samples_.size();
    for (size_t turn = 0; turn < entry.turns.size(); ++turn) {
      if (entry.turns[turn].role == decoder::Role::kAssistant) {
        samples_.push_back({entries_.size(), turn});
      }
    }
    if (samples_.size() == begin) {
      if (entry.problem.empty()) entry.problem = where + ": a conversation without an answer";
      samples_.push_back({entries_.size(), 0});
    }
    entries_.push_back(std::move(entry));
  });
}

SourceTraits LlavaFile::traits() const {
  return {.has_pictures = std::any_of(entries_.begin(), entries_.end(),
                                      [](const Entry& entry) { return !entry.images.empty(); })};
}

std::string LlavaFile::wanted() const {
  return "entries with \"conversations\" of {\"from\": \"human\" or \"gpt\", \"value\": ...} and "
         "\"image\"";
}

Sample LlavaFile::read(int64_t index, Random& /*random*/) const {
  const Place& place = samples_[static_cast<size_t>(index)];
  const Entry& entry = entries_[place.entry];
  Sample sample;
  sample.name = entry.where;
  if (place.answer > 2) sample.name += ", turn " + std::to_string(place.answer + 1);
  if (!entry.images.empty()) sample.file = entry.images.front();
  if (!entry.problem.empty()) throw BadSample(sample.name, file_, entry.problem);
  int64_t markers = 0;
  for (const decoder::Message& turn : entry.turns) markers += turn.num_images;
  if (markers != static_cast<int64_t>(entry.images.size())) {
    throw BadSample(sample.name, sample.file.empty() ? file_ : sample.file,
                    std::to_string(markers) + " <image> markers but " +
                        std::to_string(entry.images.size()) + " pictures");
  }
  sample.conversation.assign(entry.turns.begin(),
                             entry.turns.begin() + static_cast<std::ptrdiff_t>(place.answer));
  sample.answer = entry.turns[place.answer].text;
  int64_t shown = 0;  // pictures of the turns up to the question
  for (const decoder::Message& turn : sample.conversation) shown += turn.num_images;
  for (int64_t i = 0; i < shown; ++i) {
    const fs::path& image = entry.images[static_cast<size_t>(i)];
    try {
      sample.images.push_back(read_picture(image));
    } catch (const std::runtime_error& error) {
      throw BadSample(sample.name, image, error.what());
    }
  }
  return sample;
}

}  // namespace nvlm::experiments
