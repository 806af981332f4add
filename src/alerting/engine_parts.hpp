#pragma once
// What TenantEngine keeps of a device. Private to engine*.cpp.
#include <algorithm>

#include "alerting/engine.hpp"

namespace pulse::alerting {

/// What a raw metric means: an index, and how its value gets there.
struct TenantEngine::Use {
  std::size_t metric = 0;
  double multiplier = 1, offset = 0;
};

/// The rules of devices of one kind.
struct TenantEngine::Profile {
  std::vector<std::size_t> rules;                             ///< sorted
  std::map<std::size_t, std::vector<std::size_t>> of_metric;  ///< rules by metric index
  std::vector<std::size_t> by_time;                           ///< windows and gaps
};

/// A rule that has something to remember on a device.
struct TenantEngine::Active {
  std::size_t rule = 0;
  /// A condition with a duration that a metric holds.
  struct Hold {
    std::size_t condition = 0, metric = 0;
    std::int64_t since_us = 0;   ///< the first sample that held
    std::int64_t newest_us = 0;  ///< the last one
    /// A second sample held, too. Times are compared as they are stored, in ms.
    bool proven() const { return newest_us / 1'000 > since_us / 1'000; }
  };
  std::vector<Hold> holds;
  std::int64_t clear_since_us = 0;
  bool open = false;
  std::int64_t told_us = 0;        ///< when the alert was last written (wall clock)
  std::int64_t not_before_us = 0;  ///< held back until then
  int repeats = 0;                 ///< since it was last written
  double told_value = 0;
};

struct TenantEngine::Device {
  RuledDevice facts;
  std::shared_ptr<const Profile> profile;
  struct Latest {
    double value = 0;
    std::int64_t at_us = 0;
    std::int64_t heard_us = 0;  ///< when the last value came, however old it was
    bool known = false;
    bool seeded = false;  ///< restored, and not judged yet
    /// Restored: what was measured up to then was judged before, as far as is known.
    std::int64_t judged_us = 0;
    bool makes_late(std::int64_t of_us) const;
  };
  std::map<std::size_t, Latest> latest;                                 // by metric index
  std::map<std::size_t, SampleTrack> samples;                           // by metric index
  std::map<std::pair<std::size_t, std::int64_t>, MomentTrack> moments;  // and window
  std::map<std::size_t, MomentTrack> reports;  // of the last hour, by metric index
  std::vector<Active> active;                  // sorted by rule
  /// Metrics of its own sensors, by rule that aims at sensors.
  std::map<std::size_t, std::vector<std::size_t>> own;
  std::vector<std::size_t> keys;  ///< hashes of those that messages brought, where sensors count
  bool seeded = false;
  std::int64_t restored_us = 0;  ///< what was measured up to then is in the moments already
  std::int64_t newest_us = 0;    ///< of its clock, by its newest message
  std::int64_t behind_us = 0;    ///< how much later than its clock says that one came
  std::int64_t ticked_us = 0;    ///< its clock at the last tick

  void hear(std::int64_t at_us, std::int64_t heard_us) {
    if (at_us < newest_us) return;  // a late one says nothing of its clock
    newest_us = at_us;
    behind_us = std::max<std::int64_t>(0, heard_us - at_us);
  }
};

/// A rule that a device is out of the scope of now.
struct TenantEngine::Left {
  std::size_t rule = 0;
  std::string device_id;
  bool open = false;  ///< with an alert
};

/// What is looked at: a message at its time, or everything at a tick.
struct TenantEngine::Look {
  std::int64_t at_us = 0;   ///< event time of the message; at a tick: now, by the device's clock
  std::int64_t now_us = 0;  ///< wall clock
  bool is_tick = false;
  /// Metrics of the message that are news, by index; null at a tick.
  const std::map<std::size_t, double>* news = nullptr;
};

struct TenantEngine::Verdict {
  bool known = false;          ///< there is enough to say something
  bool fires = false;          ///< opens an alert
  bool still_broken = false;   ///< keeps an open one open
  bool state_changed = false;  ///< what durations are counted from
  std::int64_t at_us = 0;      ///< of the newest sample that says so; 0: as of the look
  std::string metric;
  double value = 0;
  const Condition* told = nullptr;  ///< the condition that the metric and value are of
  boost::json::object more;         ///< of the details
  std::string summary;
};

}  // namespace pulse::alerting
