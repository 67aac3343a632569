// Jobs and nodes as text for people: what -o table prints, and the lines of --follow.
#pragma once

#include <string>

#include "proto/coordinator.pb.h"
#include "proto/job.pb.h"

namespace paracord {

std::string JobsText(const pb::ListJobsReply& reply);  // one row a job
std::string CheckpointsText(const pb::JobStatus& status);
std::string JobText(const pb::JobStatus& status);        // everything about one
std::string NodesText(const pb::ListNodesReply& reply);  // one row a member
std::string ExplainText(const pb::JobStatus& status, int64_t now_unix_ms);

// "mnist-mlp-1  RUNNING  step 120/1175  loss 0.2312  81234 samples/s  ETA 12 s"; a waiting job says
// for what. `eta_seconds` below 0: not known.
std::string ProgressText(const pb::JobStatus& status, double eta_seconds);
// How an ended job ended, one line; a failed one with node, rank, exit and the log's tail below.
std::string ResultText(const pb::JobStatus& status);

}  // namespace paracord
