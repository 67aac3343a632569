// Errors: absl::Status everywhere, no exceptions of our own. The code tells the caller what to do:
//
//   InvalidArgument                the request is wrong: give up and report
//   FailedPrecondition             your plan is old: wait for the next one
//   Unavailable, DeadlineExceeded  send the same again (only parameter_client does)
//   OutOfRange                     that version is gone: ask again where to begin
//   ResourceExhausted              it does not fit; the message has the sum
//   DataLoss                       the disk does not hold what it promised
//   Cancelled                      stopping
//
// CHECK is for what our own code makes impossible, never for bytes from a network, a disk or a
// person.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace paracord {

// The same code, with "context: " before the message. OK stays OK.
absl::Status Annotate(const absl::Status& status, const std::string& context);

// "InvalidArgument": how a code is spelled wherever people or programs read it.
const char* CodeName(absl::StatusCode code);

// An error that is known under a name of its own, "NonFinite", besides what its code tells the
// caller to do.
absl::Status NamedError(absl::StatusCode code, const std::string& name, const std::string& message);

// That name, else the code's: a job's first_failure.code.
std::string FailureCode(const absl::Status& status);

// "InvalidArgument: message", for people.
std::string Describe(const absl::Status& status);

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace paracord

#define PARACORD_CHECK(condition) \
  ((condition) ? (void)0 : ::paracord::CheckFailed(__FILE__, __LINE__, #condition))

#define PARACORD_CONCAT_INNER(a, b) a##b
#define PARACORD_CONCAT(a, b) PARACORD_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(PARACORD_CONCAT(statusor_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                                   \
  if (!temporary.ok()) return temporary.status();                  \
  declaration = std::move(temporary).value()
