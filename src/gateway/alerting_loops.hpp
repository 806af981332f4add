#pragma once
// The loops of the roles that decide, tell and forward.
#include "alerting/alert_outbox.hpp"
#include "alerting/evaluator.hpp"
#include "alerting/notifications/notifier.hpp"
#include "gateway/process.hpp"

namespace pulse::gateway {

/// The evaluator role on a loop of its own.
class EvaluatorLoop {
 public:
  explicit EvaluatorLoop(Process& process);
  /// What is under way is finished.
  void stop();

 private:
  Loop loop_;
  pg::Pool pool_;
  alerting::AlertOutbox outbox_;
  alerting::Evaluator evaluator_;
};

/// The notifier role on a loop of its own.
class NotifierLoop {
 public:
  explicit NotifierLoop(Process& process);
  /// What is being sent is finished; what waits, waits.
  void stop();

 private:
  Loop loop_;
  pg::Pool pool_;
  alerting::notifications::Notifier notifier_;
};

}  // namespace pulse::gateway
