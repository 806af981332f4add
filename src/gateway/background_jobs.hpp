#pragma once
// The ops role's background jobs: what runs again and again, each in one process at a time.
#include <functional>
#include <string>
#include <vector>

#include "gateway/process.hpp"

namespace pulse::gateway {

/// A job: its name, how long it rests between two rounds, and one round of it.
struct BackgroundJob {
  std::string name;
  long period_ms = 0;
  std::function<Task<>()> round;
};

/// All jobs. A new one is a line there.
std::vector<BackgroundJob> background_jobs(Process& process);

/// Starts every job on the base loop: it runs where its advisory lock is held, as long as it is. An
/// error costs one round.
void start_background_jobs(Process& process);

}  // namespace pulse::gateway
