// `paracord-worker --predict weights=FILE directory=DIR threads=N ...`, with a job file on its
// input: answers for `paracord predict`, on this host. With input=FILE out=FILE logits=0|1 it
// writes predictions and prints "samples N"; with prompt=TEXT tokens=N temperature=T top_k=K seed=S
// it prints what follows the prompt.
#pragma once

namespace paracord {

// Exit: 0 done; 2 what was given is wrong, 1 it could not be done: why on stderr.
int RunPredictProcess(int argc, char** argv);

}  // namespace paracord
