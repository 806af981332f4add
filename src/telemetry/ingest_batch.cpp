#include "telemetry/ingest_batch.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "telemetry/health_keys.hpp"

namespace pulse::telemetry {

void Rollup::add(double value, std::int64_t at_us) {
  min = count == 0 ? value : std::min(min, value);
  max = count == 0 ? value : std::max(max, value);
  if (count == 0 || at_us >= last_us) {
    last = value;
    last_us = at_us;
  }
  sum += value;
  ++count;
}

void Rollup::merge(const Rollup& o) {
  if (o.count == 0) return;
  min = count == 0 ? o.min : std::min(min, o.min);
  max = count == 0 ? o.max : std::max(max, o.max);
  if (count == 0 || o.last_us >= last_us) {
    last = o.last;
    last_us = o.last_us;
  }
  sum += o.sum;
  count += o.count;
}

void append_timestamp(std::string& out, std::int64_t epoch_us) {
  constexpr std::int64_t day_us = 86'400'000'000;
  std::int64_t day = epoch_us / day_us;
  std::int64_t rest = epoch_us % day_us;
  if (rest < 0) {
    rest += day_us;
    --day;
  }
  thread_local std::int64_t known_day = INT64_MIN;
  thread_local char date[16];
  if (day != known_day) {
    const std::chrono::year_month_day ymd{std::chrono::sys_days{std::chrono::days{day}}};
    std::snprintf(date, sizeof date, "%04d-%02u-%02u ", static_cast<int>(ymd.year()),
                  static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
    known_day = day;
  }
  const auto two = [&](std::int64_t v) {
    out += static_cast<char>('0' + v / 10);
    out += static_cast<char>('0' + v % 10);
  };
  out += date;
  const std::int64_t seconds = rest / 1'000'000;
  two(seconds / 3600);
  out += ':';
  two(seconds / 60 % 60);
  out += ':';
  two(seconds % 60);
  out += '.';
  const std::int64_t us = rest % 1'000'000;
  two(us / 10'000);
  two(us / 100 % 100);
  two(us % 100);
  out += "+00";
}

void append_copy_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += c;
    }
  }
}

std::string display_name_of(std::string_view key) {
  std::string out(key);
  std::replace(out.begin(), out.end(), '_', ' ');
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

std::string unit_of(std::string_view key) {
  static constexpr std::pair<std::string_view, std::string_view> units[] = {
      {"_c", "°C"},      {"temperature", "°C"}, {"temp", "°C"},  {"humidity", "%"}, {"_pct", "%"},
      {"_percent", "%"}, {"battery", "%"},      {"_v", "V"},     {"_mv", "mV"},     {"_a", "A"},
      {"_w", "W"},       {"_kw", "kW"},         {"_kwh", "kWh"}, {"_hpa", "hPa"},   {"_pa", "Pa"},
      {"_dbm", "dBm"},   {"rssi", "dBm"},       {"_hz", "Hz"},   {"_kmh", "km/h"},  {"_m", "m"},
      {"_s", "s"},       {"_ms", "ms"},         {"_ppm", "ppm"}, {"_lux", "lx"}};
  std::string_view best;
  std::size_t length = 0;
  for (const auto& [suffix, unit] : units)
    if (key.ends_with(suffix) && suffix.size() > length) {
      best = unit;
      length = suffix.size();
    }
  return std::string(best);
}

void IngestBatch::copy_row(const Accepted& m, std::string_view metrics) {
  append_timestamp(rows_, m.event_us);
  rows_ += '\t';
  rows_.append(m.device->tenant_id).append("\t").append(m.device->device_id).append("\t");
  if (m.device->site_id.empty())
    rows_ += "\\N";
  else
    append_copy_text(rows_, m.device->site_id);
  rows_ += '\t';
  append_copy_text(rows_, m.envelope.msg_type);
  rows_ += '\t';
  json::write_integer(rows_, m.payload.seq);
  rows_ += '\t';
  append_copy_text(rows_, metrics);
  rows_ += '\t';
  append_timestamp(rows_, m.envelope.received_ms * 1000);
  rows_ += '\t';
  rows_ += std::to_string(m.stream_seq);
  rows_ += '\n';
}

namespace {

constexpr std::int64_t token_use_ms = 60'000;

std::size_t most_keys(const fleet::DeviceFacts& device) {
  return std::max(limits::ingest_keys_per_device, device.sensor_limit);
}

}  // namespace

void IngestBatch::add_reading(const Accepted& m, Device& device, const Reading& r) {
  const auto known = std::find_if(device.latest.begin(), device.latest.end(),
                                  [&](const Latest& l) { return l.key == r.key; });
  if (known == device.latest.end()) {
    if (!m.device->state_keys.contains(r.key)) {
      if (m.device->state_keys.size() + device.new_keys >= most_keys(*m.device)) return;
      ++device.new_keys;
    }
    device.latest.push_back({r.key, r.value, m.event_us});
  } else if (m.event_us >= known->event_us) {
    known->value = r.value;
    known->event_us = m.event_us;
  }
  if (r.kind == Reading::Kind::text || std::abs(r.number) > limits::ingest_rollup_magnitude) return;
  const std::int64_t minute = m.event_us / 60'000'000 * 60;
  rollups_[RollupKey{m.device, r.key, minute}].add(r.number, m.event_us);
}

void IngestBatch::add(const Accepted& m) {
  ++accepted_;
  std::string metrics = "{";
  auto& device = devices_[m.device];
  const bool heartbeat = m.envelope.msg_type == "heartbeat";
  device.last_seen_ms = std::max(device.last_seen_ms, m.envelope.received_ms);
  auto& last = heartbeat ? device.last_heartbeat_ms : device.last_telemetry_ms;
  last = std::max(last, m.envelope.received_ms);
  if (m.payload.latitude && m.event_us >= device.position_us) {
    device.position_us = m.event_us;
    device.latitude = m.payload.latitude;
    device.longitude = m.payload.longitude;
  }
  if (m.token && m.envelope.received_ms - m.token->last_used_ms >= token_use_ms) {
    auto& use = token_uses_[m.token];
    use.device = m.device;
    use.token_id = m.token->id;
    use.used_ms = std::max(use.used_ms, m.envelope.received_ms);
  }
  const bool health_due =
      m.event_us - m.device->last_health_us >= m.device->health_interval_s * 1'000'000;
  for (const auto& r : m.payload.readings) {
    if (health_due) {
      if (const auto column = health_column(r); !column.empty()) {
        device.health[column] = r.value;
        device.health_us = std::max(device.health_us, m.event_us);
      }
    }
    if (metrics.size() > 1) metrics += ',';
    json::write_string(metrics, r.key);
    metrics += ':';
    json::write(metrics, *r.value);
    add_reading(m, device, r);
  }
  templates_.look_at(*m.device, m.envelope.msg_type, m.envelope.received_ms, m.payload.readings);
  metrics += '}';
  copy_row(m, metrics);
  ++days_[m.event_us / 86'400'000'000];

  std::string row = "{\"device_id\":";
  json::write(row, m.device->device_id);
  row += ",\"site_id\":";
  json::write(row, m.device->site_id);
  row += ",\"ts\":";
  json::write(row, from_us(m.event_us));
  row.append(",\"metrics\":").append(metrics).append(",\"seq\":");
  json::write_integer(row, m.payload.seq);
  row += ",\"msg_type\":";
  json::write(row, m.envelope.msg_type);
  row += ",\"stream_seq\":";
  row += std::to_string(m.stream_seq);
  row += ",\"received_ms\":";
  json::write_integer(row, m.envelope.received_ms);
  live_.push_back({m.device, std::move(row)});
}

namespace {

template <class Map>
auto sorted_by_device(const Map& map) {
  std::vector<typename Map::const_pointer> list;
  list.reserve(map.size());
  for (const auto& entry : map) list.push_back(&entry);
  return list;
}

bool before(const fleet::DeviceFacts& a, const fleet::DeviceFacts& b) {
  return std::tie(a.tenant_id, a.device_id) < std::tie(b.tenant_id, b.device_id);
}

}  // namespace

Columns IngestBatch::device_states() const {
  auto list = sorted_by_device(devices_);
  std::sort(list.begin(), list.end(),
            [](auto* a, auto* b) { return before(*a->first, *b->first); });
  Columns c;
  for (const auto* entry : list) {
    const Device& d = entry->second;
    std::string state = "{", times = "{";
    std::int64_t oldest_us = 0, newest_us = 0;
    for (const auto& l : d.latest) {
      if (oldest_us == 0 || l.event_us < oldest_us) oldest_us = l.event_us;
      newest_us = std::max(newest_us, l.event_us);
      if (state.size() > 1) {
        state += ',';
        times += ',';
      }
      json::write_string(state, l.key);
      state += ':';
      json::write(state, *l.value);
      json::write_string(times, l.key);
      times += ':';
      json::write_integer(times, l.event_us / 1000);
    }
    c.tenant.push_back(entry->first->tenant_id);
    c.device.push_back(entry->first->device_id);
    c.text1.push_back(state + "}");
    c.text2.push_back(times + "}");
    c.int1.push_back(d.last_telemetry_ms);
    c.int2.push_back(d.last_heartbeat_ms);
    c.int3.push_back(d.last_seen_ms);
    c.int4.push_back(oldest_us / 1000);
    c.int5.push_back(newest_us / 1000);
    c.int6.push_back(d.latitude ? d.position_us / 1000 : 0);
  }
  return c;
}

Columns IngestBatch::rollups(std::int64_t bucket_s) const {
  std::unordered_map<RollupKey, Rollup, RollupHash> coarser;
  const auto* source = &rollups_;
  if (bucket_s != 60) {
    for (const auto& [key, rollup] : rollups_)
      coarser[RollupKey{key.device, key.metric, key.bucket_s / bucket_s * bucket_s}].merge(rollup);
    source = &coarser;
  }
  auto list = sorted_by_device(*source);
  std::sort(list.begin(), list.end(), [](auto* a, auto* b) {
    const auto &x = a->first, &y = b->first;
    if (x.device != y.device) return before(*x.device, *y.device);
    return std::tie(x.metric, x.bucket_s) < std::tie(y.metric, y.bucket_s);
  });
  Columns c;
  for (const auto* entry : list) {
    const Rollup& r = entry->second;
    c.tenant.push_back(entry->first.device->tenant_id);
    c.device.push_back(entry->first.device->device_id);
    c.text1.emplace_back(entry->first.metric);
    c.int1.push_back(entry->first.bucket_s);
    c.int2.push_back(r.count);
    c.int3.push_back(r.last_us);
    c.num1.push_back(r.sum);
    c.num2.push_back(r.min);
    c.num3.push_back(r.max);
    c.num4.push_back(r.last);
  }
  return c;
}

std::vector<NewSensor> IngestBatch::new_sensors() const {
  std::vector<NewSensor> out;
  for (const auto& [facts, device] : devices_) {
    std::size_t room = facts->sensor_limit > facts->sensor_keys.size()
                           ? facts->sensor_limit - facts->sensor_keys.size()
                           : 0;
    for (const auto& l : device.latest) {
      if (room == 0) break;
      if (facts->sensor_keys.contains(l.key)) continue;
      out.push_back({facts, std::string(l.key), display_name_of(l.key), unit_of(l.key)});
      --room;
    }
  }
  std::sort(out.begin(), out.end(), [](const NewSensor& a, const NewSensor& b) {
    if (a.device != b.device) return before(*a.device, *b.device);
    return a.key < b.key;
  });
  return out;
}

Columns IngestBatch::positions() const {
  Columns c;
  auto list = sorted_by_device(devices_);
  std::sort(list.begin(), list.end(),
            [](auto* a, auto* b) { return before(*a->first, *b->first); });
  for (const auto* entry : list) {
    if (!entry->second.latitude) continue;
    c.tenant.push_back(entry->first->tenant_id);
    c.device.push_back(entry->first->device_id);
    c.num1.push_back(*entry->second.latitude);
    c.num2.push_back(*entry->second.longitude);
    c.int1.push_back(entry->second.position_us / 1000);
  }
  return c;
}

std::vector<TokenUse> IngestBatch::token_uses() const {
  std::vector<TokenUse> out;
  for (const auto& [token, use] : token_uses_) out.push_back(use);
  std::sort(out.begin(), out.end(),
            [](const TokenUse& a, const TokenUse& b) { return a.token_id < b.token_id; });
  return out;
}

std::vector<HealthRow> IngestBatch::health_rows() const {
  std::vector<HealthRow> out;
  for (const auto& [facts, device] : devices_) {
    if (device.health.empty()) continue;
    HealthRow row{facts, device.health_us, "{"};
    for (const auto& [column, value] : device.health) {
      if (row.json.size() > 1) row.json += ',';
      json::write_string(row.json, column);
      row.json += ':';
      json::write(row.json, *value);
    }
    row.json = fit_for_jsonb(row.json + "}");
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<const fleet::DeviceFacts*> IngestBatch::grown() const {
  std::set<const fleet::DeviceFacts*> devices;
  for (const auto& [facts, device] : devices_)
    if (device.new_keys > 0) devices.insert(facts);
  for (const auto& sensor : new_sensors()) devices.insert(sensor.device);
  return {devices.begin(), devices.end()};
}

std::vector<std::pair<std::string, std::string>> IngestBatch::live_messages(
    std::int64_t stored_ms, std::size_t max_bytes) const {
  std::map<std::string_view, std::vector<std::string>> by_tenant;
  const std::string tail = ",\"stored_ms\":" + std::to_string(stored_ms) + "}";
  for (const auto& row : live_) {
    auto& parts = by_tenant[row.device->tenant_id];
    if (parts.empty() || parts.back().size() + row.json.size() + 64 > max_bytes)
      parts.emplace_back("{\"type\":\"telemetry\",\"rows\":[");
    else
      parts.back() += ',';
    parts.back().append(row.json).append(tail);
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (auto& [tenant, parts] : by_tenant)
    for (auto& part : parts) out.emplace_back(std::string(tenant), part + "]}");
  return out;
}

std::vector<ReadingMessage> IngestBatch::reading_messages(const RuledTenants& ruled,
                                                          std::size_t max_bytes) const {
  std::vector<ReadingMessage> out;
  if (ruled.empty()) return out;
  struct Open {
    std::size_t place = 0;  // in `out`
    std::string_view tenant;
  };
  std::map<int, Open> open;  // of each part: the message that still has room
  for (const auto& row : live_) {
    const auto& tenant = row.device->tenant_id;
    if (!ruled.contains(tenant)) continue;
    const int part = reading_part(tenant, row.device->device_id);
    auto [at, fresh] = open.try_emplace(part, Open{out.size(), {}});
    auto& current = at->second;
    if (!fresh && out[current.place].text.size() + row.json.size() > max_bytes) {
      out[current.place].text += "]}]}";
      current = {out.size(), {}};
      fresh = true;
    }
    if (fresh) out.push_back({"readings." + std::to_string(part), "{\"tenants\":["});
    auto& text = out[current.place].text;
    if (current.tenant == tenant) {
      text += ',';
    } else {
      text += current.tenant.empty() ? "{\"tenant_id\":" : "]},{\"tenant_id\":";
      json::write(text, tenant);
      text += ",\"rows\":[";
      current.tenant = tenant;
    }
    text.append(row.json).append("}");
  }
  for (const auto& [part, last] : open) out[last.place].text += "]}]}";
  return out;
}

}  // namespace pulse::telemetry
