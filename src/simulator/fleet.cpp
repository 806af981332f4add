#include "simulator/fleet.hpp"

#include <boost/json.hpp>
#include <stdexcept>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"

namespace pulse::simulator {

namespace {

[[noreturn]] void refuse(std::size_t line, std::string_view what, std::string_view why = {}) {
  std::string text = "devices file, line " + std::to_string(line) + ": ";
  throw std::runtime_error(text.append(what).append(why));
}

std::string member(const boost::json::object& object, std::string_view name, std::size_t line,
                   bool needed) {
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) {
    if (needed) refuse(line, name, " is missing");
    return {};
  }
  if (!value->is_string()) refuse(line, name, " is not a string");
  return std::string(value->get_string());
}

/// Ids stand in topics, paths and JSON as they are.
void check_id(const std::string& id, std::string_view name, std::size_t line) {
  const bool plain = !id.empty() && id.size() <= 128 &&
                     id.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_-") == std::string::npos;
  if (!plain) refuse(line, name, " is not an id ([A-Za-z0-9_-], at most 128)");
}

}  // namespace

std::vector<Device> Fleet::read(std::istream& lines) {
  std::vector<Device> devices;
  std::string text;
  for (std::size_t line = 1; std::getline(lines, text); ++line) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    boost::system::error_code fault;
    const auto value = boost::json::parse(text, fault);
    if (fault || !value.is_object()) refuse(line, "not a JSON object");
    const auto& object = value.get_object();
    Device device;
    device.tenant_id = member(object, "tenant_id", line, true);
    device.device_id = member(object, "device_id", line, true);
    device.site_id = member(object, "site_id", line, false);
    device.token = member(object, "token", line, true);
    check_id(device.tenant_id, "tenant_id", line);
    check_id(device.device_id, "device_id", line);
    if (const auto profile = member(object, "profile", line, false); !profile.empty()) {
      device.profile = find_profile(profile);
      if (!device.profile) refuse(line, "no such profile: ", profile);
    } else {
      device.profile = find_profile(member(object, "template", line, false));
      if (!device.profile) device.profile = find_profile("humidity-temperature");
    }
    devices.push_back(std::move(device));
  }
  if (devices.empty()) throw std::runtime_error("the devices file names no device");
  return devices;
}

std::vector<Device> Fleet::pick(std::vector<Device> devices, std::string_view profile,
                                std::size_t most) {
  if (!profile.empty())
    std::erase_if(devices, [&](const Device& d) { return d.profile->slug != profile; });
  if (devices.empty())
    throw std::runtime_error("the devices file names no device of profile " + std::string(profile));
  if (most > devices.size())
    throw std::runtime_error("--devices: the file has " + std::to_string(devices.size()) +
                             " of them; `pulse admin seed-demo --devices " + std::to_string(most) +
                             " --tokens-file FILE` makes more");
  if (most > 0) devices.resize(most);
  return devices;
}

Fleet::Fleet(std::vector<Device> devices, const Options& options, std::int64_t start_ms)
    : devices_(std::move(devices)), faults_(options.faults), batches_(options.batch > 1) {
  std::size_t index = 0;
  for (auto& device : devices_) {
    const auto seed = hash_text(device.tenant_id + "/" + device.device_id, options.seed);
    device.values = Rng(seed);
    device.luck = Rng(~seed);
    device.seq = start_ms;
    device.by_mqtt = options.protocol == Protocol::mqtt ||
                     (options.protocol == Protocol::mixed && index % 2 == 1);
    if (faults_.contains(Fault::skew) && device.luck.chance(0.1)) {
      // Mostly minutes; now and then a device that was set up with the wrong time zone.
      const double minutes = device.luck.chance(0.2) ? 120 : device.luck.uniform(1, 10);
      device.skew_ms =
          static_cast<std::int64_t>(minutes * 60'000) * (device.luck.chance(0.5) ? 1 : -1);
    }
    ++index;
  }
}

bool Fleet::silent(std::uint32_t index, std::int64_t steady) {
  if (!faults_.contains(Fault::dropouts)) return false;
  auto& device = devices_[index];
  if (steady < device.silent_until) return true;
  if (!device.luck.chance(0.002)) return false;
  device.silent_until = steady + static_cast<std::int64_t>(device.luck.uniform(60, 300) * 1'000);
  return true;
}

Outgoing Fleet::next(std::uint32_t index, std::int64_t now_ms) {
  auto& device = devices_[index];
  Outgoing message;
  message.device = index;
  message.seq = device.seq++;
  message.queued_us = steady_us();
  next_sample(*device.profile, device.state, now_ms, device.values, sample_);
  message.payload = payload_text(sample_, device.site_id, message.seq, now_ms + device.skew_ms);
  if (device.burst_left > 0) {
    --device.burst_left;
  } else if (faults_.contains(Fault::bursts) && device.luck.chance(0.01)) {
    device.burst_left = static_cast<int>(5 + device.luck.below(11));
  }
  if (faults_.contains(Fault::malformed) && device.luck.chance(0.01))
    spoil(device, message, now_ms);
  return message;
}

/// Breaks a message in one of the ways that real ones are broken.
void Fleet::spoil(Device& device, Outgoing& message, std::int64_t now_ms) {
  message.malformed = true;
  const auto seq = std::to_string(message.seq);
  const auto head = "{\"version\":\"1\",\"site_id\":\"" + device.site_id + "\",\"seq\":" + seq;
  // A batch with a broken message in it would be broken as a whole.
  switch (device.luck.below(batches_ ? 3 : 5)) {
    case 0: {  // too many metrics
      message.payload = head + ",\"metrics\":{";
      for (int i = 0; i < 60; ++i)
        message.payload += (i ? ",\"m" : "\"m") + std::to_string(i) + "\":1";
      message.payload += "}}";
      return;
    }
    case 1:  // a key that is too long
      message.payload = head + ",\"metrics\":{\"" + std::string(200, 'k') + "\":1}}";
      return;
    case 2: {  // from the future
      message.payload = payload_text(sample_, device.site_id, message.seq, now_ms + 172'800'000);
      return;
    }
    case 3:  // cut off
      message.payload.resize(message.payload.size() / 2);
      return;
    default:  // the wrong shape
      message.payload = head + ",\"metrics\":[1,2,3]}";
  }
}

std::string payload_text(const Sample& sample, const std::string& site_id, std::int64_t seq,
                         std::int64_t ts_ms) {
  std::string out;
  out.reserve(192 + 24 * sample.metrics.size());
  out += "{\"version\":\"1\",\"ts\":";
  json::write_string(out, iso8601(from_ms(ts_ms)));
  if (!site_id.empty()) {
    out += ",\"site_id\":";
    json::write_string(out, site_id);
  }
  out += ",\"seq\":";
  json::write_integer(out, seq);
  if (sample.position) {
    out += ",\"lat\":";
    json::write_double(out, sample.position->first);
    out += ",\"lng\":";
    json::write_double(out, sample.position->second);
  }
  out += ",\"metrics\":{";
  bool first = true;
  for (const auto& [key, value] : sample.metrics) {
    if (!first) out += ',';
    first = false;
    out += '"';
    out += key;
    out += "\":";
    if (const auto* number = std::get_if<double>(&value)) {
      json::write_double(out, *number);
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      json::write_integer(out, *whole);
    } else {
      out += std::get<bool>(value) ? "true" : "false";
    }
  }
  out += "}}";
  return out;
}

}  // namespace pulse::simulator
