#include "eval/tasks/question_layouts.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "eval/tasks/task_items.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

/// Collects the items of one annotation file.
class QuestionList {
 public:
  QuestionList(const QuestionLayout& layout, fs::path images)
      : task_(layout.name), images_(std::move(images)) {}

  /// image, key  the picture as the annotation names it, and the member that does
  void add(QuestionItem item, const std::string& image, const char* key, const std::string& where) {
    if (item.question.empty()) throw std::runtime_error(where + ": the question is empty");
    if (item.answers.empty()) {
      throw std::runtime_error(where + ": no accepted answers; does the split have public ones?");
    }
    item.image = item_file(images_, image, key, where);
    std::string truth;
    for (const std::string& answer : item.answers) truth += answer + "\n";
    list_.add(item, image, truth, where);
    task_.items.push_back(std::move(item));
  }

  QuestionTask finish(const fs::path& source) {
    list_.finish(task_, source);
    return std::move(task_);
  }

 private:
  QuestionTask task_;
  fs::path images_;
  ItemList list_;
};

/// A string, or a list of strings.
std::vector<std::string> one_or_more(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found != entry.end() && found->is_string()) return {found->get<std::string>()};
  return json_get<std::vector<std::string>>(entry, key, where);
}

QuestionTask open_docvqa(const QuestionLayout& layout, const fs::path& path,
                         const fs::path& images) {
  QuestionList list(layout, images);
  for_each_annotation(
      path, layout.wanted, "data", [&](const Json& entry, const std::string& where) {
        QuestionItem item;
        item.id = text_or_number(entry, "questionId", where);
        const auto image = json_get<std::string>(entry, "image", where);
        item.document = entry.contains("docId") ? text_or_number(entry, "docId", where) : image;
        item.question = json_get<std::string>(entry, "question", where) + kSpanPrompt;
        item.answers = json_get_or<std::vector<std::string>>(entry, "answers", {}, where);
        list.add(std::move(item), image, "image", where);
      });
  return list.finish(path);
}

QuestionTask open_textvqa(const QuestionLayout& layout, const fs::path& path,
                          const fs::path& images) {
  QuestionList list(layout, images);
  for_each_annotation(
      path, layout.wanted, "data", [&](const Json& entry, const std::string& where) {
        QuestionItem item;
        item.id = text_or_number(entry, "question_id", where);
        item.document = json_get<std::string>(entry, "image_id", where);
        item.question = json_get<std::string>(entry, "question", where) + kSpanPrompt;
        item.answers = json_get_or<std::vector<std::string>>(entry, "answers", {}, where);
        item.metric = QuestionMetric::kVqaAccuracy;
        const std::string image = item.document + ".jpg";
        list.add(std::move(item), image, "image_id", where);
      });
  return list.finish(path);
}

QuestionTask open_chartqa(const QuestionLayout& layout, const fs::path& path,
                          const fs::path& images) {
  QuestionList list(layout, images);
  int64_t number = 0;
  for_each_annotation(path, layout.wanted, "", [&](const Json& entry, const std::string& where) {
    QuestionItem item;
    item.document = json_get<std::string>(entry, "imgname", where);
    item.id = item.document + "#" + std::to_string(number++);
    item.question = json_get<std::string>(entry, "query", where) + kPhrasePrompt;
    item.answers = {text_or_number(entry, "label", where)};
    item.metric = QuestionMetric::kRelaxedAccuracy;
    const std::string image = item.document;
    list.add(std::move(item), image, "imgname", where);
  });
  return list.finish(path);
}

/// One question of AI2D with its options as lines "A. text".
QuestionItem ai2d_item(const std::string& text, const Json& entry, const std::string& where) {
  QuestionItem item;
  item.id = text_or_number(entry, "questionId", where);
  const auto options = json_get<std::vector<std::string>>(entry, "answerTexts", where);
  const auto correct = json_get<int64_t>(entry, "correctAnswer", where);
  if (options.size() > 26 || correct < 0 || correct >= static_cast<int64_t>(options.size())) {
    throw std::runtime_error(where + ": 'correctAnswer' is " + std::to_string(correct) + " of " +
                             std::to_string(options.size()) + " options");
  }
  item.question = text + "\n";
  for (size_t i = 0; i < options.size(); ++i) {
    item.question += std::string(1, static_cast<char>('A' + i)) + ". " + options[i] + "\n";
  }
  item.question += kChoicePrompt;
  item.answers = {std::string(1, static_cast<char>('A' + correct))};
  item.metric = QuestionMetric::kChoice;
  return item;
}

QuestionTask open_ai2d(const QuestionLayout& layout, const fs::path& folder,
                       const fs::path& images) {
  const fs::path questions = folder / "questions";
  if (!fs::is_directory(questions)) {
    throw std::runtime_error("'" + questions.string() + "' is missing, expected " + layout.wanted);
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& file : fs::directory_iterator(questions)) {
    if (file.path().extension() == ".json") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  QuestionList list(layout, fs::is_directory(images / "images") ? images / "images" : images);
  for (const fs::path& file : files) {
    const Json diagram = read_json(file);
    const auto image = json_get<std::string>(diagram, "imageName", file.string());
    const auto entries = json_get<Json>(diagram, "questions", file.string());
    for (const auto& [text, entry] : entries.items()) {
      const std::string where = file.string() + ": '" + text + "'";
      QuestionItem item = ai2d_item(text, entry, where);
      item.document = image;
      list.add(std::move(item), image, "imageName", where);
    }
  }
  return list.finish(questions);
}

QuestionTask open_ocrbench(const QuestionLayout& layout, const fs::path& path,
                           const fs::path& images) {
  QuestionList list(layout, images);
  int64_t number = 0;
  for_each_annotation(path, layout.wanted, "", [&](const Json& entry, const std::string& where) {
    QuestionItem item;
    item.id = entry.contains("id") ? text_or_number(entry, "id", where) : std::to_string(number);
    ++number;
    const auto image = json_get<std::string>(entry, "image_path", where);
    item.document = image;
    item.question = json_get<std::string>(entry, "question", where);
    item.answers = one_or_more(entry, "answers", where);
    item.metric = json_get_or(entry, "dataset_name", "", where) == "HME100k"
                      ? QuestionMetric::kContainsFormula
                      : QuestionMetric::kContainsText;
    item.groups["type"] = json_get_or(entry, "type", "unknown", where);
    list.add(std::move(item), image, "image_path", where);
  });
  return list.finish(path);
}

QuestionTask open_realworldqa(const QuestionLayout& layout, const fs::path& path,
                              const fs::path& images) {
  QuestionList list(layout, images);
  for_each_annotation(path, layout.wanted, "", [&](const Json& entry, const std::string& where) {
    QuestionItem item;
    item.id = json_get<std::string>(entry, "image", where);
    item.question = json_get<std::string>(entry, "question", where);
    item.answers = {text_or_number(entry, "answer", where)};
    item.metric = QuestionMetric::kChoice;
    const std::string image = item.id;
    list.add(std::move(item), image, "image", where);
  });
  return list.finish(path);
}

/// The text of a turn without the mark of the picture.
std::string without_image_mark(std::string text) {
  constexpr std::string_view kMark = "<image>";
  for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark)) {
    text.erase(at, kMark.size());
  }
  const size_t first = text.find_first_not_of(" \n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

QuestionTask open_llava(const QuestionLayout& layout, const fs::path& path,
                        const fs::path& images) {
  QuestionList list(layout, images);
  for_each_annotation(path, layout.wanted, "", [&](const Json& entry, const std::string& where) {
    const std::string id = text_or_number(entry, "id", where);
    const auto image = json_get<std::string>(entry, "image", where);
    const auto turns = json_get<std::vector<Json>>(entry, "conversations", where);
    for (size_t i = 0; i + 1 < turns.size(); i += 2) {
      const auto asks = json_get<std::string>(turns[i], "from", where);
      const auto answers = json_get<std::string>(turns[i + 1], "from", where);
      if (asks != "human" || answers != "gpt") {
        throw std::runtime_error(where + ": turns of '" + asks + "' and '" + answers +
                                 "', expected 'human' and 'gpt' in turn");
      }
      QuestionItem item;
      item.id = turns.size() <= 2 ? id : id + "/" + std::to_string(i / 2);
      item.document = id;
      item.question = without_image_mark(json_get<std::string>(turns[i], "value", where));
      item.answers = {json_get<std::string>(turns[i + 1], "value", where)};
      list.add(std::move(item), image, "image", where);
    }
  });
  return list.finish(path);
}

constexpr std::array kQuestionLayouts = {
    QuestionLayout{"docvqa",
                   "DocVQA's val_v1.0_withQT.json with the folder documents beside it "
                   "(rrc.cvc.uab.es, challenge DocVQA)",
                   open_docvqa},
    QuestionLayout{"textvqa",
                   "TextVQA's TextVQA_0.5.1_val.json, pictures in train_images (textvqa.org)",
                   open_textvqa},
    QuestionLayout{"chartqa",
                   "ChartQA's test_human.json or test_augmented.json, pictures in png "
                   "(github.com/vis-nlp/ChartQA)",
                   open_chartqa},
    QuestionLayout{"ai2d",
                   "the folder of AI2D with questions and images "
                   "(prior.allenai.org/projects/diagram-understanding)",
                   open_ai2d},
    QuestionLayout{"ocrbench",
                   "OCRBench's OCRBench.json with its pictures "
                   "(github.com/Yuliang-Liu/MultimodalOCR)",
                   open_ocrbench},
    QuestionLayout{"realworldqa", "RealWorldQA's annotations.json with its pictures (x.ai)",
                   open_realworldqa},
    QuestionLayout{"llava",
                   "a JSON list or JSON Lines file of conversations in LLaVA's layout "
                   "(github.com/haotian-liu/LLaVA)",
                   open_llava}};

}  // namespace

std::span<const QuestionLayout> question_layouts() { return kQuestionLayouts; }

QuestionTask open_question_task(const QuestionLayout& layout, const fs::path& annotations,
                                const fs::path& images) {
  const fs::path folder = fs::is_directory(annotations) ? annotations : annotations.parent_path();
  return layout.open(layout, annotations, images.empty() ? folder : images);
}

}  // namespace nvlm::eval
