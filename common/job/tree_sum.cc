#include "common/job/tree_sum.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/job/optimizer.h"

namespace paracord {
namespace {

constexpr size_t kChunk = 2048;  // floats: 8 KiB stays in the L1 cache

}  // namespace

Payload SumPayloads(const Payload& left, const Payload& right, BufferPool& pool) {
  PARACORD_CHECK(left.size() == right.size());
  const size_t count = left.size() / sizeof(float);
  FloatBuffer sum = pool.Take(count);
  Payload::Reader left_reader(left), right_reader(right);
  alignas(64) float left_scratch[kChunk], right_scratch[kChunk];
  for (size_t done = 0; done < count; done += kChunk) {
    const size_t chunk = std::min(kChunk, count - done);
    AddFloats(left_reader.Next(chunk, left_scratch), right_reader.Next(chunk, right_scratch),
              sum.get() + done, chunk);
  }
  const float* data = sum.get();
  return Payload(data, count, std::move(sum));
}

bool TreeSum::Add(const ReductionTree& tree, const TreeNode& node, Payload floats,
                  BufferPool& pool) {
  if (Covers(node)) return false;
  if (complete(tree)) return false;  // both children of the root are here
  std::erase_if(partials_, [&](const Partial& partial) { return node.Covers(partial.node); });
  const auto place = std::find_if(partials_.begin(), partials_.end(),
                                  [&](const Partial& p) { return p.node.begin >= node.end; });
  partials_.insert(place, Partial{node, std::move(floats)});
  MergeUpward(tree, node, pool);
  return true;
}

bool TreeSum::Covers(const TreeNode& node) const {
  return std::any_of(partials_.begin(), partials_.end(),
                     [&](const Partial& partial) { return partial.node.Covers(node); });
}

void TreeSum::MergeUpward(const ReductionTree& tree, TreeNode node, BufferPool& pool) {
  while (node != tree.root()) {
    const TreeNode parent = tree.Parent(node);
    if (parent == tree.root()) return;
    const size_t sibling = Find(tree.Sibling(node));
    if (sibling == partials_.size()) return;
    const size_t left = std::min(sibling, Find(node));
    partials_[left].floats = SumPayloads(partials_[left].floats, partials_[left + 1].floats, pool);
    partials_[left].node = parent;
    partials_.erase(partials_.begin() + static_cast<std::ptrdiff_t>(left) + 1);
    node = parent;
  }
}

size_t TreeSum::Find(const TreeNode& node) const {
  size_t i = 0;
  while (i < partials_.size() && partials_[i].node != node) ++i;
  return i;
}

bool TreeSum::complete(const ReductionTree& tree) const {
  if (partials_.size() == 1) return partials_[0].node == tree.root();
  if (partials_.size() != 2) return false;
  const TreeNode& left = partials_[0].node;
  const TreeNode& right = partials_[1].node;
  return left.begin == 0 && left.end == right.begin && right.end == tree.leaves();
}

TreeSum::Total TreeSum::Look() const {
  Total total;
  total.left = partials_[0].floats;
  if (partials_.size() == 2) total.right = partials_[1].floats;
  return total;
}

TreeSum::Total TreeSum::Take() {
  Total total = Look();
  partials_.clear();
  return total;
}

std::vector<TreeSum::Partial> TreeSum::TakeAll(const ReductionTree& tree, BufferPool& pool) {
  if (partials_.size() == 2 && complete(tree)) {
    partials_[0].floats = SumPayloads(partials_[0].floats, partials_[1].floats, pool);
    partials_[0].node = tree.root();
    partials_.pop_back();
  }
  return std::exchange(partials_, {});
}

}  // namespace paracord
