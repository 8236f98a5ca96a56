#include "common/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "common/json.h"

namespace nvlm {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian");

constexpr uint64_t kLongestHeader = 100'000'000;  // as the reference implementation
constexpr size_t kMostDimensions = 64;

constexpr std::pair<std::string_view, at::ScalarType> kDtypes[] = {
    {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf},  {"BF16", at::kBFloat16},
    {"I64", at::kLong},   {"I32", at::kInt},   {"I16", at::kShort}, {"I8", at::kChar},
    {"U8", at::kByte},    {"BOOL", at::kBool}};

at::ScalarType parse_dtype_name(const std::string& name, const std::string& tensor) {
  for (const auto& [known, dtype] : kDtypes) {
    if (known == name) return dtype;
  }
  const bool eight_bit_float = name.rfind("F8_", 0) == 0;
  throw std::runtime_error(
      tensor + " has dtype " + name + ", which " +
      (eight_bit_float ? "(8-bit floating point) is not supported" : "is not known") +
      "; expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL");
}

std::vector<uint64_t> unsigned_list(const Json& object, const char* key,
                                    const std::string& tensor) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) {
    throw std::runtime_error(tensor + " has no list '" + key + "'");
  }
  std::vector<uint64_t> numbers;
  for (const Json& number : *found) {
    if (!number.is_number_unsigned()) {
      throw std::runtime_error(tensor + ": '" + key +
                               "' holds something other than whole numbers from 0 up");
    }
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

// Bytes that a shape takes; checks that neither they nor any stride overflow.
uint64_t checked_bytes(const std::vector<uint64_t>& shape, uint64_t element_size,
                       const std::string& tensor) {
  if (shape.size() > kMostDimensions) {
    throw std::runtime_error(tensor + " has " + std::to_string(shape.size()) +
                             " dimensions, expected at most " + std::to_string(kMostDimensions));
  }
  int64_t bytes = static_cast<int64_t>(element_size);
  bool empty = false;
  for (const uint64_t size : shape) {
    empty = empty || size == 0;
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes)) {
      throw std::runtime_error(tensor + ": its shape overflows");
    }
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

TensorEntry parse_entry(const Json& object, const std::string& tensor) {
  if (!object.is_object()) throw std::runtime_error(tensor + " is not described by an object");
  const auto dtype = object.find("dtype");
  if (dtype == object.end() || !dtype->is_string()) {
    throw std::runtime_error(tensor + " has no 'dtype'");
  }
  TensorEntry entry;
  entry.dtype = parse_dtype_name(dtype->get<std::string>(), tensor);
  const std::vector<uint64_t> shape = unsigned_list(object, "shape", tensor);
  const uint64_t bytes = checked_bytes(shape, c10::elementSize(entry.dtype), tensor);
  entry.shape.assign(shape.begin(), shape.end());
  const std::vector<uint64_t> offsets = unsigned_list(object, "data_offsets", tensor);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw std::runtime_error(tensor + ": 'data_offsets' is not [begin, end]");
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];
  if (entry.end - entry.begin != bytes) {
    throw std::runtime_error(tensor + " takes " + std::to_string(entry.end - entry.begin) +
                             " bytes, expected " + std::to_string(bytes) +
                             " for its shape and dtype");
  }
  return entry;
}

// Every byte of the data belongs to exactly one tensor.
void check_layout(const std::map<std::string, TensorEntry>& entries, uint64_t data_bytes) {
  using Item = std::pair<const std::string, TensorEntry>;
  std::vector<const Item*> order;
  for (const Item& item : entries) order.push_back(&item);
  std::sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  uint64_t end = 0;
  for (const Item* item : order) {
    const std::string tensor = "tensor '" + item->first + "'";
    if (item->second.end > data_bytes) {
      throw std::runtime_error(tensor + " ends at byte " + std::to_string(item->second.end) +
                               " of the data, but the file holds " + std::to_string(data_bytes) +
                               "; is it truncated?");
    }
    if (item->second.begin < end) throw std::runtime_error(tensor + " overlaps another tensor");
    if (item->second.begin > end) {
      throw std::runtime_error("there is a hole of " + std::to_string(item->second.begin - end) +
                               " bytes before " + tensor);
    }
    end = item->second.end;
  }
  if (end != data_bytes) {
    throw std::runtime_error("there are " + std::to_string(data_bytes - end) +
                             " bytes after the last tensor");
  }
}

}  // namespace

// A private, lazily read view of a whole file.
class SafetensorsFile::Mapping {
 public:
  explicit Mapping(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw_errno(path, errno);
    struct stat info {};
    int error = ::fstat(file, &info) == 0 ? 0 : errno;
    if (error == 0 && S_ISDIR(info.st_mode)) error = EISDIR;
    if (error == 0 && info.st_size > 0) {
      size_ = static_cast<uint64_t>(info.st_size);
      // Writable but private, so that a stray in-place operation changes neither file nor crashes.
      void* address =
          ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
      if (address == MAP_FAILED) {
        error = errno;
      } else {
        data_ = static_cast<char*>(address);
      }
    }
    ::close(file);
    if (error != 0) throw_errno(path, error);
  }
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* data() const { return data_; }
  uint64_t size() const { return size_; }

  // Drops the whole pages within these bytes; those at the ends are shared with neighbours.
  void release(uint64_t begin, uint64_t end) const {
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    const uint64_t first = (begin + page - 1) / page * page, last = end / page * page;
    if (first < last) ::madvise(data_ + first, last - first, MADV_DONTNEED);
  }

 private:
  [[noreturn]] static void throw_errno(const std::filesystem::path& path, int error) {
    throw std::runtime_error("cannot read '" + path.string() + "': " + std::strerror(error));
  }

  char* data_ = nullptr;
  uint64_t size_ = 0;
};

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.path_ = path;
  file.mapping_ = std::make_shared<Mapping>(path);
  const uint64_t size = file.mapping_->size();
  try {
    if (size < 8) {
      throw std::runtime_error("not a safetensors file: " + std::to_string(size) +
                               " bytes, expected at least 8");
    }
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, file.mapping_->data(), 8);
    if (header_bytes > kLongestHeader) {
      throw std::runtime_error("not a safetensors file: its header would take " +
                               std::to_string(header_bytes) + " bytes, expected at most " +
                               std::to_string(kLongestHeader));
    }
    if (header_bytes > size - 8) {
      throw std::runtime_error("its header takes " + std::to_string(header_bytes) +
                               " bytes, but the file ends after " + std::to_string(size - 8) +
                               "; is it truncated?");
    }
    file.data_offset_ = 8 + header_bytes;
    file.parse_header(std::string(file.mapping_->data() + 8, header_bytes),
                      size - file.data_offset_);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
  return file;
}

void SafetensorsFile::parse_header(const std::string& header, uint64_t data_bytes) {
  const Json root = parse_json(header, "header");
  if (!root.is_object()) throw std::runtime_error("header: not a JSON object");
  for (const auto& [name, value] : root.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) throw std::runtime_error("header: '__metadata__' is not an object");
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) {
          throw std::runtime_error("header: '__metadata__." + key + "' is not a string");
        }
        metadata_[key] = text.get<std::string>();
      }
    } else {
      entries_[name] = parse_entry(value, "tensor '" + name + "'");
    }
  }
  check_layout(entries_, data_bytes);
}

const TensorEntry& SafetensorsFile::known_entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    throw std::runtime_error(path_.string() + ": there is no tensor '" + name + "'");
  }
  return found->second;
}

Tensor SafetensorsFile::tensor(const std::string& name) const {
  const TensorEntry& entry = known_entry(name);
  if (entry.begin == entry.end) return at::empty(entry.shape, entry.dtype);
  char* data = mapping_->data() + data_offset_ + entry.begin;
  if (entry.dtype == at::kBool) {  // bytes other than 0 and 1 are no valid bool in C++
    return at::from_blob(data, entry.shape, at::kByte).ne(0);
  }
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(entry.dtype) != 0) {
    Tensor copy = at::empty(entry.shape, entry.dtype);
    std::memcpy(copy.mutable_data_ptr(), data, entry.end - entry.begin);
    return copy;
  }
  return at::from_blob(
      data, entry.shape, [keep_alive = mapping_](void*) {}, entry.dtype);
}

void SafetensorsFile::release(const std::string& name, int64_t begin, int64_t end) const {
  const TensorEntry& entry = known_entry(name);
  if (entry.begin == entry.end || entry.shape.empty()) return;
  const uint64_t row_bytes = (entry.end - entry.begin) / static_cast<uint64_t>(entry.shape[0]);
  const int64_t rows = entry.shape[0];
  const auto clamped = [&](int64_t row) {
    return static_cast<uint64_t>(std::clamp<int64_t>(row, 0, rows)) * row_bytes;
  };
  mapping_->release(data_offset_ + entry.begin + clamped(begin),
                    data_offset_ + entry.begin + clamped(end));
}

std::string safetensors_dtype_name(at::ScalarType dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) return std::string(name);
  }
  return "";
}

}  // namespace nvlm
