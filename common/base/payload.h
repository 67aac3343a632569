// Bytes held as a few runs of somebody's memory, kept alive by references: the floats of a push as
// they arrived, the blocks of a pull as they stand in the store. Copying a Payload copies
// references, never bytes.
//
// A run may begin or end in the middle of a float (gRPC cuts where it likes); Read hides that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace paracord {

class Payload {
 public:
  struct Run {
    const char* data;
    size_t size;
    std::shared_ptr<const void> owner;  // keeps `data` alive and unchanged
  };

  Payload() = default;
  // One run of `count` floats.
  Payload(const float* data, size_t count, std::shared_ptr<const void> owner);

  void Append(const char* data, size_t size, std::shared_ptr<const void> owner);
  void Append(const Payload& other);

  size_t size() const { return size_; }  // bytes
  const std::vector<Run>& runs() const { return runs_; }

  // Cuts a payload into consecutive parts that share the owners.
  class Cutter {
   public:
    explicit Cutter(const Payload& payload) : payload_(payload) {}
    // The next `bytes`; at most what is left.
    Payload Next(size_t bytes);

   private:
    const Payload& payload_;
    size_t run_ = 0;
    size_t offset_ = 0;
  };

  // Reads a payload of floats from front to back.
  class Reader {
   public:
    explicit Reader(const Payload& payload) : payload_(payload) {}
    // The next `count` floats: a pointer into a run where they lie whole and aligned, else
    // `scratch` (room for `count`), filled. At most what is left.
    const float* Next(size_t count, float* scratch);

   private:
    const Payload& payload_;
    size_t run_ = 0;
    size_t offset_ = 0;
  };
  // Copies all floats to `out`.
  void CopyTo(float* out) const;

 private:
  std::vector<Run> runs_;
  size_t size_ = 0;
};

}  // namespace paracord
