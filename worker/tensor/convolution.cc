#include "worker/tensor/convolution.h"

#include <array>
#include <map>
#include <memory>

#include "common/base/status.h"
#include "oneapi/dnnl/dnnl.hpp"
#include "worker/tensor/one_thread.h"

namespace paracord {
namespace {

using Desc = dnnl::memory::desc;
using Format = dnnl::memory::format_tag;

constexpr int64_t kLine = 64;  // bytes: what blocks are aligned to
constexpr size_t kMostKept = 256;
constexpr int64_t kTileChannels = 16;

int64_t WholeLines(int64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// One tensor of a pass: as the caller has it, and as oneDNN wants it, in scratch if that differs.
struct Operand {
  int argument;  // oneDNN's name for it
  Desc plain, blocked;
  int64_t at = 0;  // bytes into scratch
  dnnl::reorder turn;

  bool turned() const { return plain != blocked; }
};

Desc Make(const dnnl::memory::dims& dims, Format format) {
  return Desc(dims, dnnl::memory::data_type::f32, format);
}

// Winograd's tiles of 4 x 4 outputs: 2.25 times fewer multiplications. Images of one tile gain
// nothing.
bool FitsTiles(const ConvShape& s) {
  return s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1 && s.groups == 1 &&
         s.in_channels % kTileChannels == 0 && s.out_height() > 4 && s.out_width() > 4;
}

// Scratch of the caller's: else oneDNN keeps it with the thread that compiled.
dnnl::primitive_attr CallersScratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// x, weight and y as they lie, or as oneDNN likes.
struct Tensors {
  Tensors(const ConvShape& s, bool plain)
      : x(Make({s.rows, s.in_channels, s.height, s.width}, plain ? Format::nchw : Format::any)),
        y(Make({s.rows, s.out_channels, s.out_height(), s.out_width()},
               plain ? Format::nchw : Format::any)) {
    const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
    weight = s.groups == 1 ? Make({out, in, s.kernel_height, s.kernel_width},
                                  plain ? Format::oihw : Format::any)
                           : Make({s.groups, out, in, s.kernel_height, s.kernel_width},
                                  plain ? Format::goihw : Format::any);
  }
  Desc x, y, weight;
};

// A pass over one shape, compiled.
class Plan {
 public:
  Plan(ConvPass pass, const ConvShape& shape, const dnnl::engine& engine);
  int64_t scratch_bytes() const { return scratch_bytes_; }
  const Desc& own_scratch() const { return own_; }  // what oneDNN needs beside
  void Run(const dnnl::engine& engine, dnnl::stream& stream, const float* first,
           const float* second, float* out, char* scratch, void* own_scratch) const;

 private:
  // False: oneDNN has no such algorithm for the shape on this host.
  bool Build(ConvPass pass, const ConvShape& shape, dnnl::algorithm algorithm,
             const dnnl::engine& engine);
  void Place(Operand& operand, const dnnl::engine& engine, bool back);

  dnnl::primitive compute_;
  Operand first_, second_, out_;
  Desc own_;
  int64_t scratch_bytes_ = 0;
};

Plan::Plan(ConvPass pass, const ConvShape& s, const dnnl::engine& engine) {
  if (FitsTiles(s) && Build(pass, s, dnnl::algorithm::convolution_winograd, engine)) return;
  PARACORD_CHECK(Build(pass, s, dnnl::algorithm::convolution_direct, engine));
}

bool Plan::Build(ConvPass pass, const ConvShape& s, dnnl::algorithm algorithm,
                 const dnnl::engine& engine) {
  const Tensors any(s, false), plain(s, true);
  const dnnl::memory::dims strides = {s.stride, s.stride}, padding = {s.padding, s.padding};
  const dnnl::primitive_attr attributes = CallersScratch();
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, algorithm, any.x, any.weight, any.y, strides, padding,
       padding},
      attributes, engine, true);
  if (!forward) return false;
  if (pass == ConvPass::kForward) {
    compute_ = dnnl::convolution_forward(forward);
    first_ = {DNNL_ARG_SRC, plain.x, forward.src_desc(), 0, {}};
    second_ = {DNNL_ARG_WEIGHTS, plain.weight, forward.weights_desc(), 0, {}};
    out_ = {DNNL_ARG_DST, plain.y, forward.dst_desc(), 0, {}};
    own_ = forward.scratchpad_desc();
  } else if (pass == ConvPass::kInputGradient) {
    const dnnl::convolution_backward_data::primitive_desc back(
        {algorithm, any.x, any.weight, any.y, strides, padding, padding}, attributes, engine,
        forward, true);
    if (!back) return false;
    compute_ = dnnl::convolution_backward_data(back);
    first_ = {DNNL_ARG_DIFF_DST, plain.y, back.diff_dst_desc(), 0, {}};
    second_ = {DNNL_ARG_WEIGHTS, plain.weight, back.weights_desc(), 0, {}};
    out_ = {DNNL_ARG_DIFF_SRC, plain.x, back.diff_src_desc(), 0, {}};
    own_ = back.scratchpad_desc();
  } else {
    const dnnl::convolution_backward_weights::primitive_desc back(
        {algorithm, any.x, any.weight, any.y, strides, padding, padding}, attributes, engine,
        forward, true);
    if (!back) return false;
    compute_ = dnnl::convolution_backward_weights(back);
    first_ = {DNNL_ARG_DIFF_DST, plain.y, back.diff_dst_desc(), 0, {}};
    second_ = {DNNL_ARG_SRC, plain.x, back.src_desc(), 0, {}};
    out_ = {DNNL_ARG_DIFF_WEIGHTS, plain.weight, back.diff_weights_desc(), 0, {}};
    own_ = back.scratchpad_desc();
  }
  Place(first_, engine, false);
  Place(second_, engine, false);
  Place(out_, engine, true);
  return true;
}

void Plan::Place(Operand& operand, const dnnl::engine& engine, bool back) {
  if (!operand.turned()) return;
  const Desc& from = back ? operand.blocked : operand.plain;
  const Desc& to = back ? operand.plain : operand.blocked;
  const dnnl::reorder::primitive_desc turn(engine, from, engine, to, CallersScratch());
  PARACORD_CHECK(turn.scratchpad_desc().get_size() == 0);
  operand.turn = dnnl::reorder(turn);
  operand.at = scratch_bytes_;
  scratch_bytes_ += WholeLines(static_cast<int64_t>(operand.blocked.get_size()));
}

void Plan::Run(const dnnl::engine& engine, dnnl::stream& stream, const float* first,
               const float* second, float* out, char* scratch, void* own_scratch) const {
  const auto plain = [&engine](const Operand& operand, const float* data) {
    return dnnl::memory(operand.plain, engine, const_cast<float*>(data));
  };
  const auto blocked = [&](const Operand& operand, const float* data) {
    if (!operand.turned()) return plain(operand, data);
    return dnnl::memory(operand.blocked, engine, scratch + operand.at);
  };
  dnnl::memory a = blocked(first_, first), b = blocked(second_, second), c = blocked(out_, out);
  dnnl::memory own(own_, engine, own_scratch);
  if (first_.turned()) {
    dnnl::memory from = plain(first_, first);
    first_.turn.execute(stream, from, a);
  }
  if (second_.turned()) {
    dnnl::memory from = plain(second_, second);
    second_.turn.execute(stream, from, b);
  }
  compute_.execute(stream, {{first_.argument, a},
                            {second_.argument, b},
                            {out_.argument, c},
                            {DNNL_ARG_SCRATCHPAD, own}});
  if (out_.turned()) {
    dnnl::memory to = plain(out_, out);
    out_.turn.execute(stream, c, to);
  }
  stream.wait();
}

// What a thread has compiled so far.
struct Workshop {
  using Key = std::array<int64_t, 11>;

  const Plan& PlanFor(ConvPass pass, const ConvShape& s) {
    const Key key = {static_cast<int64_t>(pass),
                     s.rows,
                     s.in_channels,
                     s.height,
                     s.width,
                     s.out_channels,
                     s.kernel_height,
                     s.kernel_width,
                     s.stride,
                     s.padding,
                     s.groups};
    std::unique_ptr<Plan>& plan = plans[key];
    if (plan != nullptr) return *plan;
    if (plans.size() > kMostKept) {
      plans.clear();
      return PlanFor(pass, s);
    }
    plan = std::make_unique<Plan>(pass, s, engine);
    return *plan;
  }

  // For one call; grows to the largest that any needs.
  void* ScratchFor(const Desc& desc) {
    if (desc.get_size() > spare_bytes) {
      spare = dnnl::memory(desc, engine);
      spare_bytes = desc.get_size();
    }
    return spare_bytes > 0 ? spare.get_data_handle() : nullptr;
  }

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::map<Key, std::unique_ptr<Plan>> plans;
  dnnl::memory spare;
  size_t spare_bytes = 0;
};

Workshop& OwnWorkshop() {
  thread_local Workshop workshop;
  return workshop;
}

}  // namespace

int64_t BlockedConvScratch(ConvPass pass, const ConvShape& shape) {
  const OneThread one_thread;
  const int64_t bytes = OwnWorkshop().PlanFor(pass, shape).scratch_bytes() + kLine;
  return bytes / static_cast<int64_t>(sizeof(float));
}

void BlockedConv(ConvPass pass, const ConvShape& shape, const float* first, const float* second,
                 float* out, float* scratch) {
  const OneThread one_thread;
  Workshop& workshop = OwnWorkshop();
  const auto address = reinterpret_cast<uintptr_t>(scratch);
  char* lines = reinterpret_cast<char*>((address + kLine - 1) / kLine * kLine);
  const Plan& plan = workshop.PlanFor(pass, shape);
  plan.Run(workshop.engine, workshop.stream, first, second, out, lines,
           workshop.ScratchFor(plan.own_scratch()));
}

}  // namespace paracord
