// What belongs together: weights of one job of one cluster, since it last went back to an older
// step.
#pragma once

namespace paracord {

// `a`, `b`: messages that say it: Plan, PullHeader, StoredRange, GenerationRecord.
template <class A, class B>
bool SameHistory(const A& a, const B& b) {
  return a.cluster() == b.cluster() && a.job() == b.job() && a.history() == b.history();
}

template <class From, class To>
void SetHistory(const From& from, To* to) {
  to->set_cluster(from.cluster());
  to->set_job(from.job());
  to->set_history(from.history());
}

}  // namespace paracord
