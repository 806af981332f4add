#pragma once
// The rules of one tenant at work on its devices: what a message decides, and what time decides.
// No I/O: what it knows is restored into it, what it decides is handed back. engine.cpp: rules,
// scopes and devices; engine_judge.cpp: messages and ticks; engine_verdicts.cpp: what each type of
// rule says; engine_decide.cpp: what becomes of alerts; engine_restore.cpp: what is known from
// before.
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alerting/alerts.hpp"
#include "alerting/rule.hpp"
#include "alerting/tracks.hpp"

namespace pulse::alerting {

/// raw value x multiplier + offset = normalized value.
struct MetricMapping {
  std::string raw, normalized;
  double multiplier = 1, offset = 0;
};

/// A device as scopes look at it.
struct RuledDevice {
  std::string device_id, site_id, device_type;
  std::int64_t created_us = 0;
  std::vector<std::string> group_ids;  ///< those that rules name, static and dynamic
};

/// A sensor that a rule may aim at.
struct SensorTarget {
  std::int64_t sensor_id = 0;
  std::string device_id, metric, sensor_type;
};

struct EngineSettings {
  std::int64_t repeat_changed_us = 5'000'000;     ///< between two writes of a changed repeat
  std::int64_t repeat_unchanged_us = 60'000'000;  ///< and of an unchanged one
  std::int64_t hold_back_us = 10'000'000;  ///< after silence or maintenance held an alert back
};

struct Decision {
  bool opens = true;  ///< else it clears
  Finding finding;
  Recovery recovery;
};

/// In the order in which they were made.
struct Decisions {
  std::vector<Decision> list;
  /// How far a rule (first) has come on a device (second), where that must outlive a restart: JSON,
  /// or "" for nothing.
  std::map<std::pair<std::string, std::string>, std::string> states;
};

class TenantEngine {
 public:
  TenantEngine(std::string tenant_id, std::vector<Rule> rules, std::vector<MetricMapping> mappings,
               std::vector<SensorTarget> sensors, EngineSettings settings);
  ~TenantEngine();

  const std::vector<Rule>& rules() const { return rules_; }
  /// The raw names of the metrics that some rule looks at.
  std::vector<std::string> raw_metrics() const;
  /// Raw metrics whose samples windows need, and for how long (us).
  std::map<std::string, std::int64_t> sample_needs() const;
  /// Raw metrics whose moments anomalies need, with their windows (us).
  std::vector<std::pair<std::string, std::int64_t>> moment_needs() const;
  /// Raw metrics of which gaps count the reports of the last hour, whatever their values are.
  std::vector<std::string> report_needs() const;
  /// Groups that rules name.
  std::vector<std::string> group_ids() const;

  /// Whether some rule aims at sensors: then devices come with those that it aims at.
  bool aims_at_sensors() const;
  /// The sensors of a device that rules aim at, in place of those that were known; before
  /// put_device.
  void put_sensors(const std::string& device_id, std::vector<SensorTarget> sensors);
  /// Whether a message of a known device brings keys that no message before did: ingest may have
  /// added sensors for them. Says so once.
  bool brings_new_keys(std::string_view device_id, const boost::json::object& metrics);

  /// Adds a device, or tells what it is now; its state stays, but for rules that it is out of the
  /// scope of now: their alerts are closed at the next tick.
  void put_device(RuledDevice device);
  void drop_device(std::string_view device_id);
  bool knows(std::string_view device_id) const;
  std::size_t devices() const { return devices_.size(); }
  /// Drops those for which it is true.
  void drop_devices(const std::function<bool(const std::string&)>& which);

  // What is known from before, latest values first. Unknown devices and rules are passed over.
  /// `behind_us`: how much later than its clock says the device's last message came.
  void restore_latest(std::string_view device_id, std::string_view raw_metric, double value,
                      std::int64_t at_us, std::int64_t behind_us = 0);
  /// A latest value that is a text: a report, which no comparison can look at.
  void restore_report(std::string_view device_id, std::string_view raw_metric, std::int64_t at_us,
                      std::int64_t behind_us = 0);
  /// How many reports of the metric came in the bucket that begins at `start_us`.
  void restore_reports(std::string_view device_id, std::string_view raw_metric,
                       std::int64_t start_us, std::int64_t count);
  /// The device's clock: its newest message says `newest_us`, and came `behind_us` later.
  void restore_clock(std::string_view device_id, std::int64_t newest_us, std::int64_t behind_us);
  void restore_sample(std::string_view device_id, std::string_view raw_metric, double value,
                      std::int64_t at_us);
  void restore_moments(std::string_view device_id, std::string_view raw_metric,
                       std::int64_t window_us, std::int64_t start_us, const Moments& moments);
  void restore_state(std::string_view device_id, std::string_view rule_id, std::string_view json);
  /// An open alert, which knows of what was measured up to `event_us` (0: unknown). One of a rule
  /// that the device is out of the scope of is closed at the next tick.
  void restore_open(std::string_view device_id, std::string_view rule_id,
                    std::int64_t event_us = 0);
  /// An alert that a person closed, opened at `opened_us`: what it knew of opens no other one.
  void restore_told(std::string_view device_id, std::string_view rule_id, std::int64_t event_us,
                    std::int64_t opened_us);

  /// Judges one message of a known device, measured at `at_us` by its clock, which came at
  /// `heard_us` (0: now).
  void judge(std::string_view device_id, std::int64_t at_us, const boost::json::object& metrics,
             std::int64_t now_us, Decisions& out, std::int64_t heard_us = 0);
  /// Judges what time decides. Restored values say nothing until they are settled.
  void tick(std::int64_t now_us, Decisions& out);
  /// No message from before the load is on its way any more to those for which `which` is true:
  /// what was restored of them is judged now.
  void settle(const std::function<bool(const std::string&)>& which, std::int64_t now_us,
              Decisions& out);
  /// A finding opened nothing: silence, maintenance, or it was known.
  void held_back(std::string_view device_id, std::string_view rule_id, std::int64_t now_us);

 private:
  struct Device;
  struct Profile;
  struct Active;
  struct Verdict;
  struct Use;
  struct Look;
  struct Left;

  Device* find(std::string_view device_id);
  void make_tracks(Device& device);
  std::shared_ptr<const Profile> profile_of(const RuledDevice& device);
  std::size_t index_of(const std::string& metric);
  void add_uses(std::size_t metric);
  void find_own(Device& device) const;
  /// The metrics that a condition looks at on a device.
  const std::vector<std::size_t>& metrics_of(std::size_t rule, std::size_t condition,
                                             const Device& device) const;
  std::vector<std::size_t> rules_of(const Device& device,
                                    const std::vector<std::size_t>& metrics) const;
  bool in_scope(const Rule& rule, const RuledDevice& device) const;
  Active& active(Device& device, std::size_t rule);
  Active* known(Device& device, std::size_t rule);
  bool note_hold(std::size_t rule, std::size_t condition, std::size_t metric, bool held,
                 std::int64_t at_us, Device& device);
  bool has_lasted(std::size_t rule, std::size_t condition, std::size_t metric, std::int64_t now_us,
                  Device& device);
  Verdict threshold(std::size_t rule, Device& device, const Look& look);
  Verdict window(std::size_t rule, Device& device, const Look& look);
  Verdict anomaly(std::size_t rule, Device& device, const Look& look);
  Verdict gap(std::size_t rule, Device& device, const Look& look);
  Verdict verdict(std::size_t rule, Device& device, const Look& look);
  void decide(std::size_t rule, Device& device, const Look& look, Decisions& out);
  void open_or_repeat(std::size_t rule, Device& device, Active& state, const Verdict& verdict,
                      const Look& look, Decisions& out);
  void note_state(const Rule& rule, const Device& device, const Active& state, Decisions& out);
  void close_left(Decisions& out);
  static void judged_before(Device& device, std::size_t metric, std::int64_t at_us);

  std::string tenant_;
  std::vector<Rule> rules_;
  std::map<std::string, std::size_t, std::less<>> rule_at_;  // by id
  std::vector<MetricMapping> mappings_;
  EngineSettings settings_;
  std::vector<std::string> metrics_;                           // by index
  std::map<std::string, std::size_t, std::less<>> index_;      // of metrics_
  std::map<std::string, std::vector<Use>, std::less<>> uses_;  // by raw name
  /// Rule, condition: metric indices; none of rules that aim at sensors, which differ by device.
  std::vector<std::vector<std::vector<std::size_t>>> targets_;
  std::unordered_map<std::string, std::vector<SensorTarget>> sensors_;  // by device
  std::unordered_map<std::string, std::unique_ptr<Device>> devices_;
  std::unordered_map<std::string, std::weak_ptr<const Profile>> profiles_;
  std::vector<Left> left_;  // to be closed at the next tick
};

}  // namespace pulse::alerting
