#include "worker/model/pass_layout.h"

#include <algorithm>

namespace paracord {
namespace {

constexpr int kNone = PassLayout::kNone;
constexpr int kNever = -1;

// Everything is a lifetime first, named by its index; then each gets its buffer.
class LayoutMaker {
 public:
  LayoutMaker(const LayerGraph& graph, const std::vector<std::unique_ptr<Layer>>& layers,
              const ForwardAgain& again, const Ops& ops, int64_t rows, int64_t outputs)
      : graph_(graph),
        layers_(layers),
        again_(again),
        ops_(ops),
        rows_(rows),
        outputs_(outputs),
        loss_(static_cast<int>(layers.size())) {}

  PassLayout Make() {
    for (std::vector<int>* names : Names()) names->assign(layers_.size(), kNone);
    SetTimes();
    FindLastReads();
    for (size_t i = 0; i < layers_.size(); ++i) AddForward(i);
    out_.backward = out_.forward;
    out_.loss_gradient = Add(loss_, loss_, outputs_ * rows_);
    if (graph_.output() >= 0) GradientOf(graph_.output()) = out_.loss_gradient;
    for (size_t i = layers_.size(); i-- > 0;) {
      for (const size_t layer : again_[i]) AddForwardAgain(layer);
      if (graph_.goes_back(i)) AddBackward(i);
    }
    return PlaceAll();
  }

 private:
  int64_t Floats(int value) const { return rows_ * layers_[static_cast<size_t>(value)]->outputs(); }
  int& GradientOf(int value) { return out_.gradient[static_cast<size_t>(value)]; }
  Lifetime& At(int name) { return lifetimes_[static_cast<size_t>(name)]; }
  int Add(int begin, int end, int64_t floats, int inherits = -1) {
    lifetimes_.push_back({begin, end, floats, inherits});
    return static_cast<int>(lifetimes_.size()) - 1;
  }
  std::vector<std::vector<int>*> Names() {
    return {&out_.forward.value, &out_.forward.kept,    &out_.backward.value, &out_.backward.kept,
            &out_.gradient,      &out_.source_gradient, &out_.second_gradient};
  }

  void SetTimes() {
    back_.resize(layers_.size());
    second_.assign(layers_.size(), kNever);
    int now = loss_;
    for (size_t i = layers_.size(); i-- > 0;) {
      for (const size_t layer : again_[i]) second_[layer] = ++now;
      back_[i] = ++now;
    }
  }

  bool IsComputedAgain(size_t layer) const { return second_[layer] != kNever; }
  void Read(int value, int time, std::vector<int>* last_reads) {
    if (value < 0) return;
    int& last = (*last_reads)[static_cast<size_t>(value)];
    last = std::max(last, time);
  }
  // Of what there is on the way back.
  std::vector<int>* ReadsOnWayBack(int value) {
    const bool again = value >= 0 && IsComputedAgain(static_cast<size_t>(value));
    return again ? &last_read_again_ : &last_read_;
  }
  void ReadBack(int value, int time) { Read(value, time, ReadsOnWayBack(value)); }

  void FindLastReads() {
    last_read_.resize(layers_.size());
    last_read_again_.resize(layers_.size());
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = *layers_[i];
      if (layer.is_view()) continue;
      const int own = static_cast<int>(i);
      for (const int value : {own, graph_.source(i), graph_.second(i)}) {
        Read(value, own, &last_read_);
        if (IsComputedAgain(i)) ReadBack(value, second_[i]);
      }
      if (!graph_.goes_back(i)) continue;
      if (layer.reads_output()) ReadBack(own, back_[i]);
      if (layer.reads_input()) ReadBack(graph_.source(i), back_[i]);
    }
    Read(graph_.output(), loss_, &last_read_);
  }

  void AddForward(size_t i) {
    const Layer& layer = *layers_[i];
    if (layer.is_view()) return;
    const int begin = static_cast<int>(i), source = graph_.source(i);
    const bool in_place =
        layer.works_in_place() && source >= 0 && last_read_[static_cast<size_t>(source)] == begin;
    out_.forward.value[i] = Add(begin, last_read_[i], Floats(begin),
                                in_place ? out_.forward.value[static_cast<size_t>(source)] : -1);
    At(out_.forward.value[i]).held = last_read_[i] > loss_;
    const int64_t kept = layer.KeptFloats(ops_, rows_);
    const bool for_back = graph_.goes_back(i) && !IsComputedAgain(i);
    if (kept > 0) {
      out_.forward.kept[i] = Add(begin, for_back ? back_[i] : begin, kept);
      At(out_.forward.kept[i]).held = for_back;
    }
    out_.scratch = std::max(out_.scratch, layer.ScratchFloats(ops_, rows_));
  }

  void AddForwardAgain(size_t i) {
    const Layer& layer = *layers_[i];
    const int begin = second_[i], source = graph_.source(i);
    const bool in_place = layer.works_in_place() && source >= 0 &&
                          (*ReadsOnWayBack(source))[static_cast<size_t>(source)] == begin;
    out_.backward.value[i] = Add(begin, last_read_again_[i], Floats(static_cast<int>(i)),
                                 in_place ? out_.backward.value[static_cast<size_t>(source)] : -1);
    const int64_t kept = layer.KeptFloats(ops_, rows_);
    if (kept > 0) {
      out_.backward.kept[i] = Add(begin, graph_.goes_back(i) ? back_[i] : begin, kept);
    }
  }

  void AddBackward(size_t i) {
    const int now = back_[i], own = out_.gradient[i];
    At(own).end = now;
    const int source = graph_.source(i), second = graph_.second(i);
    const bool in_place = layers_[i]->works_in_place();
    if (!graph_.needs_gradient(source)) {
      if (in_place) out_.source_gradient[i] = own;  // nobody reads it
    } else if (graph_.writes_source_first(i)) {
      out_.source_gradient[i] = GradientOf(source) =
          Add(now, now, Floats(source), in_place ? own : -1);
    } else {
      out_.source_gradient[i] = Add(now, now, Floats(source));
    }
    if (!graph_.needs_gradient(second)) return;
    out_.second_gradient[i] = Add(now, now, Floats(second));
    if (graph_.writes_second_first(i)) GradientOf(second) = out_.second_gradient[i];
  }

  PassLayout PlaceAll() {
    Placement placement = Place(lifetimes_);
    const auto place = [&placement](int& name) {
      if (name != kNone) name = placement.buffer[static_cast<size_t>(name)];
    };
    for (std::vector<int>* names : Names()) {
      for (int& name : *names) place(name);
    }
    place(out_.loss_gradient);
    out_.floats = std::move(placement.floats);
    return std::move(out_);
  }

  const LayerGraph& graph_;
  const std::vector<std::unique_ptr<Layer>>& layers_;
  const ForwardAgain& again_;
  const Ops& ops_;
  const int64_t rows_, outputs_;
  const int loss_;                  // its time
  std::vector<int> back_, second_;  // when each layer is called again: backward, forward
  // Of each value, and of what is computed again on the way back.
  std::vector<int> last_read_, last_read_again_;
  std::vector<Lifetime> lifetimes_;
  PassLayout out_;
};

}  // namespace

PassLayout LayOut(const LayerGraph& graph, const std::vector<std::unique_ptr<Layer>>& layers,
                  const ForwardAgain& again, const Ops& ops, int64_t rows, int64_t outputs) {
  return LayoutMaker(graph, layers, again, ops, rows, outputs).Make();
}

}  // namespace paracord
