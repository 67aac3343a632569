#include "worker/model/pass_layout.h"

#include <algorithm>

namespace paracord {
namespace {

constexpr int kNone = PassLayout::kNone;

// Everything is a lifetime first, named by its index; then each gets its buffer.
class LayoutMaker {
 public:
  LayoutMaker(const LayerGraph& graph, const std::vector<std::unique_ptr<Layer>>& layers,
              const Ops& ops, int64_t rows, int64_t outputs)
      : graph_(graph),
        layers_(layers),
        ops_(ops),
        rows_(rows),
        outputs_(outputs),
        loss_(static_cast<int>(layers.size())) {}

  PassLayout Make() {
    for (std::vector<int>* names :
         {&out_.value, &out_.gradient, &out_.kept, &out_.source_gradient, &out_.second_gradient}) {
      names->assign(layers_.size(), kNone);
    }
    FindLastReads();
    for (size_t i = 0; i < layers_.size(); ++i) AddForward(i);
    out_.loss_gradient = Add(loss_, loss_, outputs_ * rows_);
    if (graph_.output() >= 0) GradientOf(graph_.output()) = out_.loss_gradient;
    for (size_t i = layers_.size(); i-- > 0;) {
      if (graph_.goes_back(i)) AddBackward(i);
    }
    return PlaceAll();
  }

 private:
  int BackTime(size_t layer) const { return 2 * loss_ - static_cast<int>(layer); }
  int64_t Floats(int value) const { return rows_ * layers_[static_cast<size_t>(value)]->outputs(); }
  int& GradientOf(int value) { return out_.gradient[static_cast<size_t>(value)]; }
  Lifetime& At(int name) { return lifetimes_[static_cast<size_t>(name)]; }
  int Add(int begin, int end, int64_t floats, int inherits = -1) {
    lifetimes_.push_back({begin, end, floats, inherits});
    return static_cast<int>(lifetimes_.size()) - 1;
  }

  void FindLastReads() {
    last_read_.resize(layers_.size());
    const auto read = [this](int value, int time) {
      if (value < 0) return;
      int& last = last_read_[static_cast<size_t>(value)];
      last = std::max(last, time);
    };
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = *layers_[i];
      if (layer.is_view()) continue;
      const bool back = graph_.goes_back(i);
      read(static_cast<int>(i), layer.reads_output() && back ? BackTime(i) : static_cast<int>(i));
      read(graph_.source(i), layer.reads_input() && back ? BackTime(i) : static_cast<int>(i));
      read(graph_.second(i), static_cast<int>(i));
    }
    read(graph_.output(), loss_);
  }

  void AddForward(size_t i) {
    const Layer& layer = *layers_[i];
    if (layer.is_view()) return;
    const int begin = static_cast<int>(i), source = graph_.source(i);
    const bool in_place =
        layer.works_in_place() && source >= 0 && last_read_[static_cast<size_t>(source)] == begin;
    out_.value[i] = Add(begin, last_read_[i], Floats(begin),
                        in_place ? out_.value[static_cast<size_t>(source)] : -1);
    const int64_t kept = layer.KeptFloats(ops_, rows_);
    if (kept > 0) out_.kept[i] = Add(begin, graph_.goes_back(i) ? BackTime(i) : begin, kept);
    out_.scratch = std::max(out_.scratch, layer.ScratchFloats(ops_, rows_));
  }

  void AddBackward(size_t i) {
    const int now = BackTime(i), own = out_.gradient[i];
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
    for (std::vector<int>* names :
         {&out_.value, &out_.gradient, &out_.kept, &out_.source_gradient, &out_.second_gradient}) {
      for (int& name : *names) place(name);
    }
    place(out_.loss_gradient);
    out_.floats = std::move(placement.floats);
    return std::move(out_);
  }

  const LayerGraph& graph_;
  const std::vector<std::unique_ptr<Layer>>& layers_;
  const Ops& ops_;
  const int64_t rows_, outputs_;
  const int loss_;              // its time
  std::vector<int> last_read_;  // of each value: when
  std::vector<Lifetime> lifetimes_;
  PassLayout out_;
};

}  // namespace

PassLayout LayOut(const LayerGraph& graph, const std::vector<std::unique_ptr<Layer>>& layers,
                  const Ops& ops, int64_t rows, int64_t outputs) {
  return LayoutMaker(graph, layers, ops, rows, outputs).Make();
}

}  // namespace paracord
