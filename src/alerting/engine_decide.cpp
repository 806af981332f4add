// From a verdict to what becomes of the alert.
#include <algorithm>

#include "alerting/engine_parts.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting {

namespace {
constexpr std::int64_t second_us = 1'000'000;
}  // namespace

void TenantEngine::note_state(const Rule& rule, const Device& device, const Active& state,
                              Decisions& out) {
  std::string text;
  if (state.clear_since_us > 0 || !state.holds.empty()) {
    boost::json::array holds;
    for (const auto& h : state.holds)
      holds.push_back(boost::json::object{{"condition", h.condition},
                                          {"metric", metrics_[h.metric]},
                                          {"since", h.since_us},
                                          {"newest", h.newest_us}});
    text = json::to_text(boost::json::value(
        boost::json::object{{"holds", std::move(holds)}, {"clear_since", state.clear_since_us}}));
  }
  out.states[{rule.rule_id, device.facts.device_id}] = std::move(text);
}

/// Ends what rules began on devices that are out of their scope now, unless they came back.
void TenantEngine::close_left(Decisions& out) {
  const auto left = std::move(left_);
  left_.clear();
  for (const auto& l : left) {
    auto* device = find(l.device_id);
    if (!device) continue;  // it is another evaluator's, or left the fleet
    const auto& rules = device->profile->rules;
    if (std::binary_search(rules.begin(), rules.end(), l.rule)) {
      if (l.open) active(*device, l.rule).open = true;
      continue;
    }
    const auto& rule = rules_[l.rule];
    out.states[{rule.rule_id, l.device_id}] = "";
    if (!l.open) continue;
    Decision d;
    d.opens = false;
    d.recovery.tenant_id = tenant_;
    d.recovery.fingerprint = fingerprint_of(rule, l.device_id);
    d.recovery.reason = "out_of_scope";  // nothing was measured that says so
    out.list.push_back(std::move(d));
  }
}

void TenantEngine::decide(std::size_t r, Device& device, const Look& look, Decisions& out) {
  const auto& rule = rules_[r];
  const auto v = verdict(r, device, look);
  auto* state = known(device, r);
  if (v.state_changed) note_state(rule, device, *state, out);
  if (!v.known) return;
  if (v.fires || (state && state->open && v.still_broken)) {
    auto& s = active(device, r);
    if (s.clear_since_us != 0) {
      s.clear_since_us = 0;
      note_state(rule, device, s, out);
    }
    if (s.open || v.fires) open_or_repeat(r, device, s, v, look, out);
    return;
  }
  if (!state) return;
  state->not_before_us = 0;
  if (!state->open) return;
  if (rule.clear_after_s > 0) {
    if (state->clear_since_us == 0) {
      if (look.is_tick) return;  // only a sample says that it is over
      state->clear_since_us = look.at_us;
      note_state(rule, device, *state, out);
    }
    if (look.at_us - state->clear_since_us < rule.clear_after_s * second_us) return;
    state->clear_since_us = 0;
    note_state(rule, device, *state, out);
  }
  state->open = false;
  state->repeats = 0;
  Decision d;
  d.opens = false;
  d.recovery.tenant_id = tenant_;
  d.recovery.fingerprint = fingerprint_of(rule, device.facts.device_id);
  d.recovery.reason = "recovered";
  d.recovery.event_us = v.at_us > 0 ? v.at_us : look.at_us;
  if (!v.metric.empty())
    d.recovery.details_json = json::to_text(boost::json::value(
        boost::json::object{{"metric_name", v.metric}, {"metric_value", v.value}}));
  out.list.push_back(std::move(d));
}

void TenantEngine::open_or_repeat(std::size_t r, Device& device, Active& state, const Verdict& v,
                                  const Look& look, Decisions& out) {
  const auto& rule = rules_[r];
  if (state.open) {
    // A tick sees the same sample again: only messages repeat.
    if (look.is_tick && rule.type != RuleType::telemetry_gap) return;
    if (!look.is_tick) ++state.repeats;
    const auto pause =
        v.value == state.told_value ? settings_.repeat_unchanged_us : settings_.repeat_changed_us;
    if (look.now_us - state.told_us < pause || state.repeats == 0) return;
  } else if (look.now_us < state.not_before_us) {
    return;
  }
  const int repeats = state.open ? state.repeats : 1;
  state.open = true;
  state.repeats = 0;
  state.told_us = look.now_us;
  state.told_value = v.value;
  Decision d;
  auto& f = d.finding;
  f.tenant_id = tenant_;
  f.device_id = device.facts.device_id;
  f.site_id = device.facts.site_id;
  f.device_type = device.facts.device_type;
  f.alert_type = alert_type_of(rule.type);
  f.fingerprint = fingerprint_of(rule, f.device_id);
  f.severity = rule.severity;
  f.summary = rule.name + ": " + v.summary;
  f.rule_id = rule.rule_id;
  f.escalation_policy_id = rule.escalation_policy_id;
  f.repeats = repeats;
  f.may_open = v.fires;
  f.event_us = v.at_us > 0 ? v.at_us : look.at_us;
  boost::json::object details = v.more;
  if (v.told) {
    details["operator"] = name_of(v.told->op);
    details["threshold"] = v.told->threshold;
  }
  details["rule_id"] = rule.rule_id;
  details["rule_name"] = rule.name;
  details["metric_name"] = v.metric;
  details["metric_value"] = v.value;
  details["match_mode"] = rule.any ? "any" : "all";
  boost::json::array conditions;
  for (const auto& c : rule.conditions) {
    boost::json::object o{{"metric_name", c.metric}};
    if (rule.type == RuleType::threshold || rule.type == RuleType::window) {
      o["operator"] = name_of(c.op);
      o["threshold"] = c.threshold;
    }
    if (c.duration_s > 0) o["duration_seconds"] = c.duration_s;
    conditions.push_back(std::move(o));
  }
  details["conditions"] = std::move(conditions);
  f.details_json = json::to_text(boost::json::value(std::move(details)));
  out.list.push_back(std::move(d));
}

}  // namespace pulse::alerting
