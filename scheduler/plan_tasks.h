// The tasks of a plan: found by rank, added, taken out, and the virtual workers cut among them.
// Ranks are stable: a task keeps its rank while others come and go, so that ranks may be left out.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "proto/plan.pb.h"
#include "scheduler/place.h"

namespace paracord {

// Null: the plan does not name this rank.
const pb::TaskSlot* FindTask(const pb::Plan& plan, uint32_t rank);
pb::TaskSlot* FindTask(pb::Plan& plan, uint32_t rank);

// Of the tasks that are no backups; `RanksOf` in rising order.
std::vector<uint32_t> RanksOf(const pb::Plan& plan);
uint32_t TaskCount(const pb::Plan& plan);
uint32_t BackupCount(const pb::Plan& plan);
uint32_t VirtualWorkersOf(const pb::Plan& plan);

// A task with the lowest rank that is not taken. Its incarnation is the plan's number, which is
// above that of any process that had the rank before: each was raised by one under a plan of its
// own.
pb::TaskSlot& AddTask(pb::Plan& plan, const KnownMember& worker, const Place& place);
// The task is one of this place from now on; whose process, is left to the caller.
void PutOn(const KnownMember& worker, const Place& place, pb::TaskSlot& slot);
void RemoveTasks(pb::Plan& plan, const std::set<uint32_t>& ranks);

// `counts`: virtual workers of each task that is no backup, in rank order. Backups follow the task
// that they compute for; if it is gone, they take the lowest rank that has none.
void Cut(pb::Plan& plan, const std::vector<uint32_t>& counts);
void CutEvenly(pb::Plan& plan, uint32_t virtual_workers);

// By a backup's rank: the rank that it computes for too, which is the one with the same range.
std::map<uint32_t, uint32_t> Shadows(const pb::Plan& plan);
// The first of `ranks` that no backup computes for; all have one: the first.
uint32_t FirstWithoutBackup(const pb::Plan& plan, const std::vector<uint32_t>& ranks);
// The backup computes what task `rank` computes.
void Shadow(pb::Plan& plan, uint32_t backup, uint32_t rank);

}  // namespace paracord
