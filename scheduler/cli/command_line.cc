#include "scheduler/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "scheduler/cli/duration.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

using Verb = std::function<int(const Context&)>;

// The command line while it is read: each verb leaves what to run in `chosen`.
// Of options whose type would take a minus sign, or too many digits, for another number.
CLI::Validator WholeNumber() { return CLI::Range(0.0, 1e15); }

class CommandLine {
 public:
  CommandLine() : app_("Runs training jobs on a Paracord cluster.", "paracord") {
    app_.require_subcommand(0, 1);  // so that CLI11 names a word that is no verb
    app_.fallthrough();             // the options below may stand before or after the verb
    app_.add_option("--scheduler", context_.scheduler,
                    "HOST:PORT; else $PARACORD_SCHEDULER, else the cluster started last by 'up'");
    app_.add_option("-o,--output", output_, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
    AddUp();
    AddDown();
    AddSubmit();
    AddValidate();
    AddTokenize();
    AddGet();
    AddNodes();
    AddNode();
    AddLogs();
    AddCancel();
    AddSet();
    AddWait();
    AddExplain();
    AddDigest();
    AddAudit();
    AddExport();
    AddPredict();
    AddCheckpoint();
    AddChaos();
  }

  int Run(int argc, char** argv) {
    try {  // CLI11 reports through exceptions; they end here
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool help = app_.exit(error, context_.out, context_.err) == 0;
      return help ? kOk : kUsage;
    }
    if (!chosen_) {
      context_.err << app_.help() << std::flush;
      return kUsage;
    }
    context_.json = output_ == "json";
    return chosen_(context_);
  }

 private:
  CLI::App* Add(const std::string& name, const std::string& description, Verb verb) {
    CLI::App* command = app_.add_subcommand(name, description);
    command->callback([this, verb = std::move(verb)] { chosen_ = verb; });
    return command;
  }

  static void AddJob(CLI::App* command, std::string* job) {
    command->add_option("job", *job, "the job's id")->required();
  }
  static void AddDirectory(CLI::App* command, std::string* directory) {
    command->add_option("--dir", *directory, "the cluster's folder")->required();
  }
  static void AddOverrides(CLI::App* command, std::vector<std::string>* overrides) {
    // One value each, so that a file name may follow.
    command->add_option("--set", *overrides, "key.path=value; the value is YAML")
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE");
  }
  static void AddDuration(CLI::App* command, const std::string& option, Duration* duration,
                          const std::string& description) {
    command
        ->add_option_function<std::string>(
            option,
            [option, duration](const std::string& text) {
              const auto parsed = ParseDuration(text);
              if (!parsed.ok()) {
                throw CLI::ValidationError(option, std::string(parsed.status().message()));
              }
              *duration = *parsed;
            },
            description)
        ->type_name("DURATION");
  }
  static void AddTimeout(CLI::App* command, Duration* timeout, const std::string& description) {
    AddDuration(command, "--timeout", timeout, description);
  }

  void AddUp() {
    CLI::App* command = Add("up", "start a local cluster in the background",
                            [this](const Context& context) { return RunUp(context, up_); });
    AddDirectory(command, &up_.directory);
    const CLI::Range counts(1u, 1024u);
    command->add_option("--servers", up_.servers, "server daemons")->check(counts);
    command->add_option("--workers", up_.workers, "worker daemons")->check(counts);
    command->add_option("--slots", up_.slots, "tasks a worker daemon runs at once")->check(counts);
    command->add_flag("--chaos", up_.chaos, "let 'paracord chaos' kill its processes");
  }
  void AddDown() {
    CLI::App* command = Add("down", "stop a local cluster; 'up' resumes it",
                            [this](const Context& context) { return RunDown(context, down_); });
    AddDirectory(command, &down_.directory);
  }
  void AddSubmit() {
    CLI::App* command = Add("submit", "check a job and give it to the cluster",
                            [this](const Context& context) { return RunSubmit(context, submit_); });
    command->add_option("file", submit_.file, "job file")->required();
    AddOverrides(command, &submit_.overrides);
    command->add_flag("--follow", submit_.follow, "show progress; exit by the job's result");
  }
  void AddValidate() {
    CLI::App* command =
        Add("validate", "check a job without a cluster: every error at once",
            [this](const Context& context) { return RunValidate(context, validate_); });
    command->add_option("file", validate_.file, "job file")->required();
    AddOverrides(command, &validate_.overrides);
    command->add_flag("--expand", validate_.expand,
                      "print the model section, a preset's layers written out");
  }
  void AddTokenize() {
    CLI::App* command =
        Add("tokenize", "learn a vocabulary of byte pairs from text, for data of format text",
            [this](const Context& context) { return RunTokenize(context, tokenize_); });
    command->add_option("--input", tokenize_.inputs, "text, plain or gzip")
        ->required()
        ->type_name("FILE");
    command->add_option("--vocabulary", tokenize_.tokens, "tokens: 256 bytes and what is learned")
        ->check(WholeNumber())
        ->required()
        ->type_name("N");
    command->add_option("--out", tokenize_.file, "the vocabulary's file")
        ->required()
        ->type_name("FILE");
  }
  void AddGet() {
    CLI::App* command = Add("get", "all jobs, or one",
                            [this](const Context& context) { return RunGet(context, get_); });
    command->add_option("job", get_.job, "the job's id; without it: all jobs");
  }
  void AddNodes() {
    Add("nodes", "members of the cluster",
        [](const Context& context) { return RunNodes(context); });
  }
  void AddNode() {
    CLI::App* node = app_.add_subcommand("node", "take a worker out of use, and back");
    node->require_subcommand(1);
    AddNodeVerb(node, "drain",
                "no new task for a worker, and those that it has move to free slots elsewhere; "
                "returns when that is on record, and says how many are to move. It lasts until "
                "'undrain', also when the worker or the scheduler is started again",
                RunNodeDrain);
    AddNodeVerb(node, "undrain", "the worker gets tasks again", RunNodeUndrain);
  }
  void AddNodeVerb(CLI::App* node, const std::string& name, const std::string& description,
                   int (*run)(const Context&, const NodeArguments&)) {
    CLI::App* command = node->add_subcommand(name, description);
    command->callback([this, run] {
      chosen_ = [this, run](const Context& context) { return run(context, node_); };
    });
    command->add_option("node", node_.node, "the worker's id, as 'paracord nodes' shows it")
        ->required();
  }
  void AddLogs() {
    CLI::App* command = Add("logs", "what a job's tasks printed",
                            [this](const Context& context) { return RunLogs(context, logs_); });
    AddJob(command, &logs_.job);
    command->add_option("--task", logs_.task, "one rank only");
    command->add_flag("-f,--follow", logs_.follow, "go on until the job has ended");
  }
  void AddCancel() {
    CLI::App* command = Add("cancel", "end a job",
                            [this](const Context& context) { return RunCancel(context, cancel_); });
    AddJob(command, &cancel_.job);
  }
  void AddSet() {
    CLI::App* command = Add("set", "change a job that is pending or running",
                            [this](const Context& context) { return RunSet(context, set_); });
    AddJob(command, &set_.job);
    command
        ->add_option("setting", set_.settings,
                     "consistency=VALUE: bsp, '{bsp: {backup: 1}}', '{ssp: 3}' or async; "
                     "workers=VALUE: 4 or '{min: 1, max: 8}'")
        ->required()
        ->type_name("KEY=VALUE");
  }
  void AddWait() {
    CLI::App* command = Add("wait", "wait for a job's end; exit by its result",
                            [this](const Context& context) { return RunWait(context, wait_); });
    AddJob(command, &wait_.job);
    AddTimeout(command, &wait_.timeout,
               "give up after this (exit 4); without it: after 60 s without any answer");
  }
  void AddExplain() {
    CLI::App* command =
        Add("explain", "what a job waits for, for whom, since when; what happened",
            [this](const Context& context) { return RunExplain(context, explain_); });
    AddJob(command, &explain_.job);
  }
  void AddDigest() {
    CLI::App* command = Add("digest", "sha256 of a job's weights, and their step",
                            [this](const Context& context) { return RunDigest(context, digest_); });
    AddJob(command, &digest_.job);
    command->add_option("--step", digest_.step, "of this step; without it: the newest")
        ->check(WholeNumber());
    AddTimeout(command, &digest_.timeout, "give up after this (exit 4); 60s if left out");
  }
  void AddAudit() {
    CLI::App* command = Add("audit", "by epoch: samples expected, applied, repeated, missing",
                            [this](const Context& context) { return RunAudit(context, audit_); });
    AddJob(command, &audit_.job);
    AddTimeout(command, &audit_.timeout, "give up after this (exit 4); 60s if left out");
  }
  void AddExport() {
    CLI::App* command = Add("export", "write a job's weights as safetensors or npz",
                            [this](const Context& context) { return RunExport(context, export_); });
    AddJob(command, &export_.job);
    command->add_option("--out", export_.file, "FILE.safetensors or FILE.npz")->required();
    command->add_option("--format", export_.format, "safetensors or npz; else by the ending")
        ->check(CLI::IsMember({"safetensors", "npz"}));
    CLI::Option* step =
        command->add_option("--step", export_.step, "of this step; without it: the newest")
            ->check(WholeNumber());
    command->add_flag("--best", export_.best, "of the best checkpoint, by checkpoint.best")
        ->excludes(step);
    AddTimeout(command, &export_.timeout, "give up after this (exit 4); 60s if left out");
  }

  void AddPredict() {
    CLI::App* command =
        Add("predict", "what a trained model says of samples, or how it goes on from a prompt",
            [this](const Context& context) { return RunPredict(context, predict_); });
    command->add_option("target", predict_.model, "a job's id, or with --model FILE.safetensors")
        ->required();
    command->add_option("--model", predict_.job_file, "the job file that the weights are of");
    AddOverrides(command, &predict_.overrides);
    command->add_option("--step", predict_.step, "of the job; without it: the newest")
        ->check(WholeNumber());
    CLI::Option* input = command->add_option(
        "--input", predict_.input, "samples, of the format of the job's data, or FILE.npy");
    command->add_option("--out", predict_.out, "FILE.csv or FILE.npy; of a prompt any file");
    command->add_flag("--logits", predict_.logits, "not through softmax or logistic function")
        ->needs(input);
    CLI::Option* prompt =
        command->add_option("--prompt", predict_.prompt, "text to go on from")->excludes(input);
    command->add_option("--tokens", predict_.tokens, "how many to add; 200 if left out")
        ->check(CLI::Range(1u, 1000000u))
        ->needs(prompt);
    command->add_option("--temperature", predict_.temperature, "0: the likeliest; 1 if left out")
        ->check(CLI::Range(0.0, 1000.0))
        ->needs(prompt);
    command->add_option("--top-k", predict_.top_k, "draw among the likeliest only; 0: all")
        ->check(WholeNumber())
        ->needs(prompt);
    command->add_option("--seed", predict_.seed, "of what is drawn; 0 if left out")
        ->check(WholeNumber())
        ->needs(prompt);
    command
        ->add_option("--workers", predict_.workers,
                     "at most so many of the cluster's workers compute; of a job all if left out, "
                     "of a FILE none; a prompt is answered here")
        ->check(CLI::Range(1u, 1000000u))
        ->needs(input);
    command->add_flag("--local", predict_.local, "compute on this host, not on the workers")
        ->needs(input)
        ->excludes("--workers");
    AddTimeout(command, &predict_.timeout, "for the weights; 60s if left out");
  }
  void AddCheckpoint() {
    CLI::App* checkpoint = app_.add_subcommand("checkpoint", "what a job can go back to");
    checkpoint->require_subcommand(1);
    AddCheckpointVerb(checkpoint, "list", "steps that are stored", false, RunCheckpointList);
    AddCheckpointVerb(checkpoint, "save", "one more, now; returns when it is there", false,
                      RunCheckpointSave);
    AddCheckpointVerb(checkpoint, "verify", "read every byte; without --step: of all", false,
                      RunCheckpointVerify)
        ->add_option("--step", checkpoint_.step, "of this step")
        ->check(WholeNumber());
    AddCheckpointVerb(checkpoint, "restore", "go back to a step, and on from there", true,
                      RunCheckpointRestore);
    AddCheckpointVerb(checkpoint, "delete", "free its space", true, RunCheckpointDelete);
  }
  void AddChaos() {
    CLI::App* command = Add("chaos", "kill -9 processes of a cluster on this host, to try it out",
                            [this](const Context& context) { return RunChaos(context, chaos_); });
    command->add_option("--kill", chaos_.kinds, "whom; may be given several times")
        ->required()
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"worker", "server", "scheduler", "task"}));
    AddDuration(command, "--every", &chaos_.every, "from kill to kill; 5s if left out");
    AddDuration(command, "--for", &chaos_.duration, "how long; 1m if left out");
    command->add_option("--seed", chaos_.seed, "of what is drawn; printed if left out")
        ->check(WholeNumber());
  }
  CLI::App* AddCheckpointVerb(CLI::App* checkpoint, const std::string& name,
                              const std::string& description, bool step,
                              int (*run)(const Context&, const CheckpointArguments&)) {
    CLI::App* command = checkpoint->add_subcommand(name, description);
    command->callback([this, run] {
      chosen_ = [this, run](const Context& context) { return run(context, checkpoint_); };
    });
    AddJob(command, &checkpoint_.job);
    if (step)
      command->add_option("--step", checkpoint_.step, "of this step")
          ->check(WholeNumber())
          ->required();
    AddTimeout(command, &checkpoint_.timeout, "give up after this (exit 4); 60s if left out");
    return command;
  }

  Context context_;
  std::string output_ = "table";
  Verb chosen_;
  UpArguments up_;
  DownArguments down_;
  SubmitArguments submit_;
  ValidateArguments validate_;
  TokenizeArguments tokenize_;
  GetArguments get_;
  NodeArguments node_;
  LogsArguments logs_;
  CancelArguments cancel_;
  SetArguments set_;
  WaitArguments wait_;
  ExplainArguments explain_;
  DigestArguments digest_;
  AuditArguments audit_;
  ExportArguments export_;
  PredictArguments predict_;
  CheckpointArguments checkpoint_;
  ChaosArguments chaos_;
  CLI::App app_;
};

}  // namespace

int RunCommandLine(int argc, char** argv) { return CommandLine().Run(argc, argv); }

}  // namespace paracord
