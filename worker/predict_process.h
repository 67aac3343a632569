// `paracord-worker --predict weights=FILE directory=DIR threads=N ...`, with a job file on its
// input: answers for `paracord predict`. With input=FILE out=FILE logits=0|1 it writes predictions,
// computed by the worker daemons of workers=HOST:PORT,... if there are any and else here, and
// prints "samples N workers K"; with prompt=TEXT tokens=N temperature=T top_k=K seed=S it prints
// what follows the prompt, computed here.
#pragma once

namespace paracord {

// Exit: 0 done, with a line on stderr for each worker that failed; 2 what was given is wrong, 1 it
// could not be done: why on stderr.
int RunPredictProcess(int argc, char** argv);

}  // namespace paracord
