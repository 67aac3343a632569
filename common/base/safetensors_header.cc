#include "common/base/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

using Json = nlohmann::json;

constexpr const char* kMetadata = "__metadata__";
constexpr int kDeepest = 3;  // a shape, in an entry, in the header
constexpr size_t kShownBytes = 80;

struct Type {
  const char* name;
  uint64_t bytes;
};
constexpr Type kTypes[] = {{"F64", 8},     {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1},
                           {"F8_E5M2", 1}, {"I64", 8}, {"U64", 8}, {"I32", 4},  {"U32", 4},
                           {"I16", 2},     {"U16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}};

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

// Brackets in brackets; the parser itself follows any depth.
bool NestsTooDeep(std::string_view header) {
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < header.size(); ++i) {
    const char c = header[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (in_text) continue;
    if (c == ']' || c == '}') --depth;
    if ((c == '[' || c == '{') && ++depth > kDeepest) return true;
  }
  return false;
}

// Of two values under one name the parser keeps the last; this one sees both.
class NamesOnce {
 public:
  void See(int depth, Json::parse_event_t event, const Json& parsed) {
    const auto level = static_cast<size_t>(depth);
    if (event == Json::parse_event_t::object_start) {
      names_.resize(std::max(names_.size(), level + 1));
      names_[level].clear();
    } else if (event == Json::parse_event_t::key) {
      const std::string& name = parsed.get_ref<const std::string&>();
      if (!names_[level - 1].insert(name).second) repeated_ = name;
    }
  }
  const std::optional<std::string>& repeated() const { return repeated_; }

 private:
  std::vector<std::set<std::string>> names_;  // by depth of the object
  std::optional<std::string> repeated_;
};

absl::StatusOr<Json> ParseStrictly(std::string_view header) {
  if (NestsTooDeep(header)) return Wrong("found JSON that is nested too deep");
  NamesOnce names;
  const Json json = Json::parse(
      header.begin(), header.end(),
      [&](int depth, Json::parse_event_t event, Json& parsed) {
        names.See(depth, event, parsed);
        return true;
      },
      false);
  if (json.is_discarded()) return Wrong("the header is no JSON");
  if (names.repeated()) {
    return Wrong(
        absl::StrCat("found the name ", Shown(*names.repeated()), " twice; expected once"));
  }
  if (!json.is_object()) return Wrong("found JSON that is no object; expected one of tensors");
  return json;
}

// Whole numbers of [0, 2^63).
std::optional<std::vector<int64_t>> WholeNumbers(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Json& item : list) {
    constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
    if (!item.is_number_unsigned() || item.get<uint64_t>() > kMost) return std::nullopt;
    numbers.push_back(item.get<int64_t>());
  }
  return numbers;
}

// The product; nullopt if it is no number of 64 bits.
std::optional<uint64_t> ValuesOf(const std::vector<int64_t>& shape) {
  uint64_t values = 1;
  for (const int64_t extent : shape) {
    if (__builtin_mul_overflow(values, static_cast<uint64_t>(extent), &values)) return std::nullopt;
  }
  return values;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::Status ReadEntry(const Json& entry, StoredTensor* tensor, std::vector<int64_t>* offsets) {
  const bool whole = entry.is_object() && entry.size() == 3 && entry.contains("dtype") &&
                     entry.contains("shape") && entry.contains("data_offsets");
  if (!whole) return Wrong("found other keys; expected dtype, shape and data_offsets");
  if (!entry["dtype"].is_string()) return Wrong("found a dtype that is no text");
  tensor->dtype = entry["dtype"].get<std::string>();
  const auto shape = WholeNumbers(entry["shape"]), places = WholeNumbers(entry["data_offsets"]);
  if (!shape) return Wrong("found a shape that is no list of whole numbers below 2^63");
  if (!places || places->size() != 2) {
    return Wrong("found data_offsets that are not two whole numbers below 2^63");
  }
  tensor->shape = *shape;
  *offsets = *places;
  return absl::OkStatus();
}

absl::StatusOr<StoredTensor> ParseTensor(const std::string& name, const Json& entry,
                                         uint64_t data_bytes) {
  StoredTensor tensor;
  tensor.name = name;
  std::vector<int64_t> offsets;
  RETURN_IF_ERROR(ReadEntry(entry, &tensor, &offsets));
  const uint64_t width = BytesOfType(tensor.dtype);
  if (width == 0) {
    return Wrong(absl::StrCat(
        "found dtype ", Shown(tensor.dtype), "; expected one of ",
        absl::StrJoin(kTypes, ", ", [](std::string* out, const Type& t) { out->append(t.name); })));
  }
  tensor.begin = static_cast<uint64_t>(offsets[0]);
  tensor.end = static_cast<uint64_t>(offsets[1]);
  if (tensor.begin > tensor.end || tensor.end > data_bytes) {
    return Wrong(absl::StrCat("found data_offsets [", tensor.begin, ", ", tensor.end,
                              "]; expected a range of the ", data_bytes, " bytes of data"));
  }
  const std::optional<uint64_t> values = ValuesOf(tensor.shape);
  uint64_t bytes = 0;
  const bool counted = values && !__builtin_mul_overflow(*values, width, &bytes);
  if (!counted || bytes != tensor.end - tensor.begin) {
    return Wrong(absl::StrCat("found ", tensor.end - tensor.begin, " bytes for ", tensor.dtype, " ",
                              Shown(ShapeText(tensor.shape)), "; expected ",
                              counted ? absl::StrCat(bytes) : "more than there can be"));
  }
  tensor.values = *values;
  return tensor;
}

absl::Status CheckMetadata(const Json& metadata) {
  bool texts = metadata.is_object();
  for (const Json& value : metadata) texts = texts && value.is_string();
  return texts ? absl::OkStatus() : Wrong("found __metadata__ that is no map of texts");
}

// Sorted by place: each begins where the one before it ends.
absl::Status CheckPlaces(const std::vector<StoredTensor>& tensors, uint64_t data_bytes) {
  uint64_t at = 0;
  std::string before = "the header";
  for (const StoredTensor& tensor : tensors) {
    if (tensor.begin != at) {
      return Wrong(absl::StrCat("tensor ", Shown(tensor.name), ": found that it begins at byte ",
                                tensor.begin, " of the data; expected ", at, ", where ", before,
                                " ends: they ", tensor.begin < at ? "overlap" : "leave a gap"));
    }
    at = tensor.end;
    before = Shown(tensor.name);
  }
  if (at == data_bytes) return absl::OkStatus();
  return Wrong(absl::StrCat("found ", data_bytes, " bytes of data; expected ", at,
                            ", the sum of the tensors"));
}

}  // namespace

uint64_t BytesOfType(std::string_view dtype) {
  for (const Type& type : kTypes) {
    if (dtype == type.name) return type.bytes;
  }
  return 0;
}

std::string Shown(std::string_view name) {
  const bool whole = name.size() <= kShownBytes;
  return absl::StrCat("'", absl::CHexEscape(std::string(name.substr(0, kShownBytes))),
                      whole ? "'" : "...'");
}

absl::StatusOr<std::vector<StoredTensor>> ParseSafetensorsHeader(std::string_view header,
                                                                 uint64_t data_bytes) {
  ASSIGN_OR_RETURN(const Json json, ParseStrictly(header));
  std::vector<StoredTensor> tensors;
  for (const auto& [name, entry] : json.items()) {
    if (name == kMetadata) {
      RETURN_IF_ERROR(CheckMetadata(entry));
      continue;
    }
    absl::StatusOr<StoredTensor> tensor = ParseTensor(name, entry, data_bytes);
    if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("tensor ", Shown(name)));
    tensors.push_back(*std::move(tensor));
  }
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  RETURN_IF_ERROR(CheckPlaces(tensors, data_bytes));
  return tensors;
}

}  // namespace paracord
