// One operation's memory, mirrored on a device: the whole block of the heap that a pointer points
// into, at the same distance from a multiple of 64 bytes, with a guard on either side that nothing
// may write to.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "worker/tensor/device.h"

namespace paracord {

class Mirror {
 public:
  explicit Mirror(Device& device) : device_(device) {}

  // First all of an operation's pointers, null ones too.
  void Note(const float* at) { Add(at, false); }
  void Note(float* at) { Add(at, true); }

  // Then copies them up; `At` of each; after the operation, copies down what is there now. Ends the
  // program if the device reports an error, or something has changed that may not.
  void Up();
  const float* At(const float* at) const { return Place(at); }
  float* At(float* at) const { return Place(at); }
  void Down();
  // After Down: what the operation may have written, to where it came from.
  void Give() const;
  // After Down: the same values, bit by bit; of a NaN all are alike.
  bool SameAs(const Mirror& other) const;

 private:
  struct Copied {
    size_t bytes = 0;
    bool written = false;
    Buffer buffer;
    int64_t shift = 0;         // floats of `image` before the block
    std::vector<float> image;  // what is in `buffer`
  };

  void Add(const float* at, bool written);
  float* Place(const float* at) const;

  Device& device_;
  std::map<char*, Copied> blocks_;  // by where they begin on the host
};

}  // namespace paracord
