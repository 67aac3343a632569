// `paracord-worker --check-data JOB.yaml|- [--directory DIR]`: opens a job's data the way a task
// would, so that what is wrong is said when the job is submitted and not when it runs. The
// `paracord` command calls it.
#pragma once

namespace paracord {

// Exit: 0 the data suit the model, 2 they do not: every error on stderr, one a line.
int RunDataCheck(int argc, char** argv);

}  // namespace paracord
