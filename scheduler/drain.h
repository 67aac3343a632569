// Workers that people take out of use: `paracord node drain`. Such a worker gets no new task, by
// nobody (slots.h leaves it out), until `undrain`, whoever is started again meanwhile. The tasks
// that it has move away by the next plan, at the step where their job is, and change no bit of it:
//
//   a slot is free elsewhere            the task goes on there, as the same rank
//   the job may do with fewer tasks     the others take over
//   neither                             the task stays and goes on until it can move; the job says
//                                       what it waits for, and others give slots back (elastic.h)
//
// A backup just goes; another one is started where there is room.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/planner.h"
#include "scheduler/situation.h"

namespace paracord {

// Without what may go from workers that are being drained; of its tasks, `least` have to stay.
// Pure. No plan: nothing can move.
Planned DrainPlan(const pb::Plan& last, uint32_t least, const Resources& resources);

// Publishes what follows for a job that runs; `waits` gets what is missing.
void MoveAway(Job& job, const Situation& situation, std::vector<pb::Wait>& waits);

// Tasks on workers that are being drained, after MoveAway: those that could not move.
uint32_t Stuck(const Job& job, const std::set<std::string>& draining);

// What a person orders. What is so already changes nothing. Errors as in coordinator.proto.
absl::StatusOr<pb::DrainReply> OrderDrain(const pb::DrainRequest& request,
                                          const Membership& members, JobTable& table);

}  // namespace paracord
