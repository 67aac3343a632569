// Tasks that crash: a crash is an end by a signal that a process gets for what it did itself, as
// SIGSEGV, other than one that somebody sends it, as SIGKILL. Starting it again helps if the cause
// was the host; if the cause is the step, it would crash for ever.
#pragma once

#include <cstdint>
#include <string>

#include "proto/coordinator.pb.h"
#include "scheduler/job.h"

namespace paracord {

inline constexpr int kFirstSignal = 128;     // exits: above it a signal
inline constexpr uint32_t kMostCrashes = 3;  // at one step

// "task 1 on worker-0 exited with code 3", "... was killed by signal 11 (SIGSEGV)", "... was killed
// by signal 9: out of memory".
std::string ExitString(const Job& job, const pb::TaskProcess& process);

// A task of the job's has ended so. True: it is the crash that ends the job, the third one after
// another at the same step. The count is journaled; it starts anew when the job has moved on.
bool IsLastCrash(Job& job, const pb::TaskProcess& process);

// Is told of each report that counts. What a task says when it has just been started again is where
// it begins, not progress since its crash.
void NoteReportedStep(Job& job, const pb::TaskReport& report);

}  // namespace paracord
