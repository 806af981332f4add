#pragma once
// The queue of notifications in PostgreSQL: made once an event, claimed under a lease, tried until
// they are delivered or given up.
#include <optional>
#include <string>
#include <vector>

#include "alerting/notifications/sender.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting::notifications {

/// Core NATS subject that says: jobs wait.
inline constexpr const char* jobs_subject = "pulse.notify.jobs";

/// A transition of an alert that is to be routed: all of this alert up to this event.
struct Transition {
  std::string tenant_id;
  std::int64_t alert_id = 0, event_id = 0;
};

/// Makes the jobs of these transitions, in one transaction. Each is routed once, whatever comes
/// again; an earlier one of the same alert that did not come yet is routed first. What waits to
/// tell of an escalation is given up when its alert was acknowledged or closed. Returns how many
/// jobs there are now.
Task<int> make_jobs(pg::Pool& pool, std::vector<Transition> transitions);

/// Gives up routing a transition, and writes down why.
Task<> set_aside(pg::Pool& pool, Transition transition, std::string why);

/// Transitions that were not routed within half a minute, oldest first: the stream lost them, or
/// they could not be routed when it told of them.
Task<std::vector<Transition>> forgotten_transitions(pg::Pool& pool, int most);

/// A job that this process may try until its lease ends.
struct ClaimedJob {
  std::int64_t job_id = 0;
  std::string tenant_id;
  std::optional<std::int64_t> channel_id;
  std::string deliver_on_event, idempotency_key;
  std::int64_t attempts = 0;  ///< this one included
  boost::json::object payload_json;
  std::optional<std::string> channel_type, sealed_config;
  bool channel_enabled = true;
  std::optional<boost::json::object> target;
  bool too_old = false;  ///< this attempt is the last
  bool over = false;     ///< tells of an escalation, and somebody took the alert meanwhile
};
BOOST_DESCRIBE_STRUCT(ClaimedJob, (),
                      (job_id, tenant_id, channel_id, deliver_on_event, idempotency_key, attempts,
                       payload_json, channel_type, sealed_config, channel_enabled, target, too_old,
                       over))

/// Claims at most `most` jobs that are due, in turns: of each lane (a channel, or an address) and
/// each tenant few are under way, of one whose place failed last one, and of all those together
/// half of what a process sends at once. A job waits while an earlier one of its alert and channel
/// is under way: what is over is not told before it began.
Task<std::vector<ClaimedJob>> claim_jobs(pg::Pool& pool, int most);

/// What a summary tells: fills in message, severity and details.
Task<> fill_summary(pg::Pool& pool, std::int64_t job_id, Notice* notice);

struct Attempt {
  SendResult result;
  Time started, finished;
  std::int64_t latency_ms = 0;
};
/// Logs an attempt, and says in the alert's timeline what became of the message. Does nothing to a
/// job whose lease ended and that somebody else tries by now.
Task<> finish_job(pg::Pool& pool, ClaimedJob job, Attempt attempt);

/// Removes jobs that ended over 30 days ago, of alerts that are over.
Task<int> forget_old_jobs(pg::Pool& pool);

/// Makes the messages that resolve PagerDuty's incidents of summaries whose alerts are all closed.
/// Returns how many.
Task<int> resolve_summaries(pg::Pool& pool);

/// How many jobs wait or are under way, and how long the oldest that is due has been so, by type of
/// channel ("direct": to addresses).
struct WaitingJobs {
  std::string type;
  std::int64_t jobs = 0;
  double oldest_due_s = 0;
};
BOOST_DESCRIBE_STRUCT(WaitingJobs, (), (type, jobs, oldest_due_s))
Task<std::vector<WaitingJobs>> waiting_jobs(pg::Pool& pool);

/// Seconds until the attempt after the `attempts`-th: 1, 5, 25, then minutes, up to an hour; give
/// or take a fifth.
double back_off_s(std::int64_t attempts);

}  // namespace pulse::alerting::notifications
