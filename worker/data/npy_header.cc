#include "worker/data/npy_header.h"

#include <charconv>
#include <cstring>

#include "common/base/status.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

using Type = NpyHeader::Type;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMostText = 1 << 20;
constexpr size_t kMostRank = 8;

absl::Status Error(const std::string& what) { return absl::InvalidArgumentError(what); }

// What is left of the header's text. Every Take... skips blanks first.
class Literal {
 public:
  explicit Literal(std::string_view text) : left_(text) {}

  bool TakeMark(char mark) {
    Skip();
    if (left_.empty() || left_[0] != mark) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool TakeText(std::string_view* text) {
    Skip();
    if (left_.empty() || (left_[0] != '\'' && left_[0] != '"')) return false;
    const size_t end = left_.find(left_[0], 1);
    if (end == std::string_view::npos) return false;
    *text = left_.substr(1, end - 1);
    left_.remove_prefix(end + 1);
    return true;
  }
  bool TakeWord(std::string_view word) {
    Skip();
    if (left_.substr(0, word.size()) != word) return false;
    left_.remove_prefix(word.size());
    return true;
  }
  bool TakeNumber(int64_t* number) {
    Skip();
    const auto [stop, code] = std::from_chars(left_.data(), left_.data() + left_.size(), *number);
    if (code != std::errc()) return false;
    left_.remove_prefix(static_cast<size_t>(stop - left_.data()));
    return true;
  }
  bool AtEnd() {
    Skip();
    return left_.empty();
  }

 private:
  void Skip() {
    while (!left_.empty() && (left_[0] == ' ' || left_[0] == '\n')) left_.remove_prefix(1);
  }

  std::string_view left_;
};

absl::Status TakeType(std::string_view name, NpyHeader* header) {
  if (name == "|u1" || name == "<u1") {
    header->type = Type::kU1;
  } else if (name == "<i4") {
    header->type = Type::kI4;
  } else if (name == "<i8") {
    header->type = Type::kI8;
  } else if (name == "<f4") {
    header->type = Type::kF4;
  } else if (name == "<f8") {
    header->type = Type::kF8;
  } else {
    return Error(absl::StrCat("found values of type ", Quoted(name),
                              "; expected one of |u1, <i4, <i8, <f4, <f8"));
  }
  return absl::OkStatus();
}

bool TakeShape(Literal* text, Shape* shape) {
  if (!text->TakeMark('(')) return false;
  while (!text->TakeMark(')')) {
    int64_t extent = 0;
    if (shape->size() == kMostRank || !text->TakeNumber(&extent)) return false;
    shape->push_back(extent);
    if (text->TakeMark(',')) continue;
    return text->TakeMark(')');
  }
  return true;
}

absl::Status TakeEntry(Literal* text, uint32_t* seen, NpyHeader* header) {
  std::string_view key, name;
  if (!text->TakeText(&key) || !text->TakeMark(':')) return Error("a header that is no dictionary");
  if (key == "descr" && text->TakeText(&name)) {
    *seen |= 1;
    return TakeType(name, header);
  }
  if (key == "fortran_order" && text->TakeWord("False")) {
    *seen |= 2;
    return absl::OkStatus();
  }
  if (key == "fortran_order" && text->TakeWord("True")) {
    return Error("found Fortran order; expected C order");
  }
  if (key == "shape" && header->shape.empty() && TakeShape(text, &header->shape)) {
    *seen |= 4;
    return absl::OkStatus();
  }
  return Error(absl::StrCat("found ", Quoted(key),
                            " with a value that cannot be read; expected descr (one simple type), "
                            "fortran_order and shape"));
}

absl::Status ReadText(std::string_view bytes, NpyHeader* header) {
  Literal text(bytes);
  uint32_t seen = 0;
  bool good = text.TakeMark('{');
  while (good && !text.TakeMark('}')) {
    RETURN_IF_ERROR(TakeEntry(&text, &seen, header));
    if (text.TakeMark(',')) continue;
    good = text.TakeMark('}');
    break;
  }
  if (!good || !text.AtEnd()) return Error("a header that is no dictionary");
  if (seen != 7) return Error("the header lacks one of descr, fortran_order, shape");
  return absl::OkStatus();
}

absl::Status CheckSize(std::string_view file, NpyHeader* header) {
  bool overflow = header->shape.empty();
  header->values = 1;
  for (const int64_t extent : header->shape) {
    overflow =
        overflow || extent < 1 ||
        __builtin_mul_overflow(header->values, static_cast<uint64_t>(extent), &header->values);
  }
  if (overflow) {
    return Error(absl::StrCat("found shape ", ShapeString(header->shape),
                              "; expected one or more sizes of at least 1"));
  }
  uint64_t bytes = 0;
  const uint64_t room = file.size() - header->begin;
  if (!__builtin_mul_overflow(header->values, header->width(), &bytes) && bytes == room) {
    return absl::OkStatus();
  }
  return Error(absl::StrCat("the header announces ", ShapeString(header->shape), " values of ",
                            header->width(), " bytes, but ", room,
                            " bytes follow; torn, or not a npy file"));
}

}  // namespace

uint64_t NpyHeader::width() const {
  switch (type) {
    case Type::kU1:
      return 1;
    case Type::kI4:
    case Type::kF4:
      return 4;
    case Type::kI8:
    case Type::kF8:
      return 8;
  }
  return 1;
}

absl::StatusOr<NpyHeader> ReadNpyHeader(std::string_view file) {
  if (file.size() < 10 || file.substr(0, kMagic.size()) != kMagic) {
    return Error("not a npy file: does not begin with \\x93NUMPY and a version");
  }
  const uint8_t major = static_cast<uint8_t>(file[6]);
  if (major < 1 || major > 3) {
    return Error(absl::StrCat("found npy version ", major, "; expected 1 to 3"));
  }
  NpyHeader header;
  const size_t length_bytes = major == 1 ? 2 : 4;
  uint64_t length = 0;
  if (file.size() < 8 + length_bytes) return Error("torn: the file ends inside its header");
  std::memcpy(&length, file.data() + 8, length_bytes);
  header.begin = 8 + length_bytes + length;
  if (length > kMostText || header.begin > file.size()) {
    return Error(absl::StrCat("the header announces ", length,
                              " bytes of text that are not there; torn, or not a npy file"));
  }
  RETURN_IF_ERROR(ReadText(file.substr(8 + length_bytes, length), &header));
  RETURN_IF_ERROR(CheckSize(file, &header));
  return header;
}

}  // namespace paracord
