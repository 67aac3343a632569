// An open file of the operating system, closed when it goes. Move-only; any thread, one at a time.
#pragma once

#include <unistd.h>

#include <utility>

namespace paracord {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  // Takes over `number`; negative: nothing is open.
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() {
    if (number_ >= 0) close(number_);
  }

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

}  // namespace paracord
