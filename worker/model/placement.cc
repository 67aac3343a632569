#include "worker/model/placement.h"

#include <algorithm>
#include <numeric>

namespace paracord {
namespace {

// The smallest free buffer that is large enough, else the largest free one, which will grow; the
// number of buffers if none is free.
size_t FindFree(const Lifetime& wanted, const std::vector<int>& busy_until,
                const std::vector<int64_t>& floats) {
  size_t best = floats.size();
  for (size_t b = 0; b < floats.size(); ++b) {
    if (busy_until[b] >= wanted.begin || (wanted.held && floats[b] > wanted.floats)) continue;
    if (best == floats.size()) {
      best = b;
      continue;
    }
    const bool fits = floats[b] >= wanted.floats, best_fits = floats[best] >= wanted.floats;
    if (fits != best_fits ? fits : (floats[b] < floats[best]) == fits) best = b;
  }
  return best;
}

}  // namespace

Placement Place(std::vector<Lifetime> lifetimes) {
  // Who is inherited from chooses for its heirs.
  for (size_t i = lifetimes.size(); i-- > 0;) {
    const Lifetime& heir = lifetimes[i];
    if (heir.held && heir.inherits >= 0) lifetimes[static_cast<size_t>(heir.inherits)].held = true;
  }
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].begin < lifetimes[b].begin; });
  Placement placement;
  placement.buffer.resize(lifetimes.size());
  std::vector<int> busy_until;
  for (const size_t i : order) {
    const Lifetime& one = lifetimes[i];
    size_t b = one.inherits >= 0
                   ? static_cast<size_t>(placement.buffer[static_cast<size_t>(one.inherits)])
                   : FindFree(one, busy_until, placement.floats);
    if (b == placement.floats.size()) {
      busy_until.push_back(0);
      placement.floats.push_back(0);
    }
    busy_until[b] = one.end;
    placement.floats[b] = std::max(placement.floats[b], one.floats);
    placement.buffer[i] = static_cast<int>(b);
  }
  return placement;
}

}  // namespace paracord
