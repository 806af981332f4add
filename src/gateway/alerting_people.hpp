#pragma once
// What alerting asks the directory.
#include "alerting/escalation_job.hpp"
#include "gateway/process.hpp"

namespace pulse::gateway {

/// The job that escalates alerts, on the base loop.
alerting::EscalationJob escalation_job(Process& process,
                                       std::shared_ptr<identity::Directory> directory);

}  // namespace pulse::gateway
