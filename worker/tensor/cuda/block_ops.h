// All operations by launching bodies, put together of their themes.
#pragma once

#include "worker/tensor/cuda/attention_ops.h"
#include "worker/tensor/cuda/channel_norm_ops.h"
#include "worker/tensor/cuda/convolution_ops.h"
#include "worker/tensor/cuda/elementwise_ops.h"
#include "worker/tensor/cuda/launched_ops.h"
#include "worker/tensor/cuda/linear_ops.h"
#include "worker/tensor/cuda/loss_ops.h"
#include "worker/tensor/cuda/metric_ops.h"
#include "worker/tensor/cuda/pool_ops.h"
#include "worker/tensor/cuda/sequence_ops.h"
#include "worker/tensor/cuda/token_norm_ops.h"

namespace paracord {

// What needs no matrix product, over `Base`, which has a launcher.
template <class Base>
using PlainBlockOps =
    MetricOps<LossOps<SequenceOps<ChannelNormOps<TokenNormOps<ElementwiseOps<Base>>>>>>;

// All of them, by a launcher as host_launcher.h draws it.
template <class Launcher>
using BlockOps =
    AttentionOps<PoolOps<ConvolutionOps<LinearOps<PlainBlockOps<LaunchedOps<Launcher>>>>>>;

}  // namespace paracord
