#include "simulator/profile.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pulse::simulator {

namespace {

constexpr double pi = std::numbers::pi;

double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

/// -1 at 4:00 UTC, +1 at 16:00 UTC.
double daily(std::int64_t now_ms) {
  const double hour = static_cast<double>(now_ms % 86'400'000) / 3'600'000.0;
  return -std::cos((hour - 4.0) / 24.0 * 2 * pi);
}

/// 0 at night, 1 in the working hours (6:00 to 18:00 UTC), smooth in between.
double busy(std::int64_t now_ms) {
  return std::clamp(daily(now_ms - 4 * 3'600'000) + 0.5, 0.0, 1.0);
}

void wander(State& state, double elapsed_s, double period_s, Rng& rng) {
  const double keep = std::exp(-elapsed_s / period_s);
  state.drift = state.drift * keep + std::sqrt(1 - keep * keep) * rng.normal();
}

/// Empties over `days`; at 5 % somebody puts in a new one.
void drain_battery(State& state, double elapsed_s, double days, Rng& rng) {
  state.battery -= elapsed_s / (days * 864.0) * rng.uniform(0.6, 1.4);
  if (state.battery < 5) state.battery = 100;
}

/// Opens `per_hour` times and stays open for about `seconds`. True when it opened.
bool work_door(State& state, double elapsed_s, double per_hour, double seconds, Rng& rng) {
  if (state.open) {
    state.open_for_s -= elapsed_s;
    if (state.open_for_s <= 0) state.open = false;
    return false;
  }
  if (!rng.chance(1 - std::exp(-elapsed_s * per_hour / 3'600))) return false;
  state.open = true;
  state.open_for_s = rng.uniform(0.3, 1.7) * seconds;
  ++state.count;
  return true;
}

void start_common(State& state, Rng& rng) {
  state.bias = rng.uniform(-1, 1);
  state.drift = rng.normal();
  state.battery = rng.uniform(40, 100);
  state.level = rng.uniform(20, 90);
}

void gateway(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 600, rng);
  drain_battery(s, elapsed, 60, rng);
  const double load = 0.3 + 0.5 * busy(now) + 0.1 * s.drift;
  out.metrics = {
      {"battery_pct", rounded(s.battery, 0)},
      {"signal_rssi", std::int64_t(std::clamp(-75 + 12 * s.bias + 4 * s.drift, -119., -30.))},
      {"uptime_seconds", (now - s.started_ms) / 1'000},
      {"cpu_temp", rounded(std::clamp(38 + 18 * load + 3 * s.bias, -20., 84.), 1)},
      {"memory_pct", rounded(std::clamp(35 + 25 * load + 5 * s.bias, 5., 97.), 0)},
      {"supply_voltage", rounded(12.2 + 0.3 * s.bias + 0.05 * rng.normal(), 2)}};
}

void start_gps(State& state, Rng& rng) {
  start_common(state, rng);
  // Somewhere on the roads of central Europe.
  state.latitude = rng.uniform(46.5, 53.5);
  state.longitude = rng.uniform(6.5, 18.5);
  state.heading = rng.uniform(0, 360);
}

void gps_tracker(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 900, rng);
  const bool driving = s.drift + 1.2 * busy(now) > 0.2;
  const double target = driving ? 55 + 25 * s.bias + 12 * s.drift : 0;
  s.speed += (std::max(0.0, target) - s.speed) * (1 - std::exp(-elapsed / 30));
  s.speed = std::clamp(s.speed < 0.5 && !driving ? 0.0 : s.speed, 0.0, 130.0);
  if (s.speed > 0) s.heading += rng.normal() * std::min(25.0, 2.5 * std::sqrt(elapsed));
  // It turns back at the borders of its region.
  const bool out_of_bounds =
      s.latitude < 46 || s.latitude > 54 || s.longitude < 6 || s.longitude > 19;
  if (out_of_bounds) s.heading = std::atan2(12.5 - s.longitude, 50 - s.latitude) * 180 / pi;
  s.heading = std::fmod(std::fmod(s.heading, 360) + 360, 360);
  const double km = s.speed * std::min(elapsed, 600.0) / 3'600;
  s.latitude += km / 111.2 * std::cos(s.heading * pi / 180);
  s.longitude += km / (111.2 * std::cos(s.latitude * pi / 180)) * std::sin(s.heading * pi / 180);
  const double latitude = rounded(s.latitude, 5), longitude = rounded(s.longitude, 5);
  out.metrics = {{"latitude", latitude},
                 {"longitude", longitude},
                 {"speed", rounded(s.speed, 1)},
                 {"heading", std::min(359.0, rounded(s.heading, 0))}};
  out.position = {latitude, longitude};
}

void humidity_temperature(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 1'800, rng);
  const double warmth = 21 + 2 * s.bias + 1.6 * daily(now) + 0.5 * s.drift;
  out.metrics = {
      {"temperature", rounded(warmth + 0.05 * rng.normal(), 1)},
      {"humidity",
       rounded(std::clamp(46 - 4 * daily(now) - 2.0 * s.drift + 6 * s.bias, 5., 98.), 1)}};
}

void temperature_probe(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 1'200, rng);
  out.metrics = {
      {"temperature",
       rounded(58 + 10 * s.bias + 6 * busy(now) + 1.2 * s.drift + 0.1 * rng.normal(), 1)}};
}

void energy_meter(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 300, rng);
  const double power =
      std::max(80.0, (900 + 4'200 * busy(now)) * (1 + 0.25 * s.bias) * (1 + 0.12 * s.drift));
  s.level += power * elapsed / 3.6e6;
  const double voltage = 230 + 2 * s.bias + 0.8 * rng.normal();
  out.metrics = {{"power", rounded(power, 0)},
                 {"energy", rounded(s.level, 2)},
                 {"voltage", rounded(voltage, 1)},
                 {"current", rounded(power / voltage, 2)}};
}

void start_cold_chain(State& state, Rng& rng) {
  start_common(state, rng);
  state.level = -20 + 2 * state.bias;
}

void cold_chain(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 900, rng);
  drain_battery(s, elapsed, 180, rng);
  work_door(s, elapsed, 0.5 + 5 * busy(now), 90, rng);
  // Towards the outside while the door is open, back to the set point when it is shut.
  const double set_point = -20 + 2 * s.bias + 0.4 * s.drift;
  const double target = s.open ? 8 + 6 * daily(now) : set_point;
  s.level += (target - s.level) * (1 - std::exp(-elapsed / (s.open ? 900 : 500)));
  out.metrics = {{"temperature", rounded(s.level + 0.05 * rng.normal(), 1)},
                 {"humidity", rounded(std::clamp(62 + 1.1 * (s.level + 20), 20., 99.), 1)},
                 {"door_open", s.open},
                 {"battery", rounded(s.battery, 0)}};
}

void air_quality(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 1'500, rng);
  const double people = busy(now);
  out.metrics = {
      {"co2",
       rounded(std::clamp(430 + 620 * people * (1 + 0.3 * s.bias) + 60 * s.drift, 390., 5'000.),
               0)},
      {"pm25", rounded(std::clamp(8 + 5 * people + 4 * s.bias + 2 * s.drift, 0.5, 400.), 1)},
      {"temperature", rounded(21.5 + s.bias + 1.2 * people + 0.3 * s.drift, 1)},
      {"humidity", rounded(std::clamp(44 + 5 * s.bias - 2 * s.drift, 10., 95.), 1)}};
}

void tank_level(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 600, rng);
  s.level -= elapsed / 3'600 * (0.4 + 2.4 * busy(now)) * (1 + 0.4 * s.bias);
  if (s.level < 12) s.level = 95 + 2 * s.bias;  // the tanker came
  const double level = std::clamp(s.level + 0.05 * rng.normal(), 0., 100.);
  out.metrics = {{"level", rounded(level, 1)}, {"volume", rounded(level * 50, 0)}};
}

void door_contact(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  drain_battery(s, elapsed, 400, rng);
  work_door(s, elapsed, 0.3 + 14 * busy(now), 25, rng);
  out.metrics = {{"door_open", s.open}, {"openings", s.count}, {"battery", rounded(s.battery, 0)}};
}

void machine_vibration(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 400, rng);
  const bool running = busy(now) + 0.25 * s.drift > 0.15;
  const double rpm_target = running ? 1'480 + 15 * s.bias : 0;
  s.speed += (rpm_target - s.speed) * (1 - std::exp(-elapsed / 12));
  const double load = s.speed / 1'480;
  s.level += (22 + 38 * load + 5 * s.bias - s.level) * (1 - std::exp(-elapsed / 1'200));
  const double vibration =
      0.05 + load * (2.2 + 0.7 * s.bias + 0.35 * s.drift + 0.12 * rng.normal());
  out.metrics = {{"vibration_rms", rounded(std::clamp(vibration, 0.01, 99.), 2)},
                 {"bearing_temp", rounded(s.level, 1)},
                 {"rpm", rounded(std::max(0.0, s.speed + load * 3 * rng.normal()), 0)}};
}

void weather_station(State& s, std::int64_t now, double elapsed, Rng& rng, Sample& out) {
  wander(s, elapsed, 7'200, rng);
  const double rain = s.drift < -1 ? -(s.drift + 1) * 4 : 0;
  out.metrics = {
      {"temperature", rounded(9 + 3 * s.bias + 6 * daily(now) + 2 * s.drift, 1)},
      {"humidity", rounded(std::clamp(68 - 14 * daily(now) - 6 * s.drift, 12., 100.), 1)},
      {"pressure", rounded(1'013 + 7 * s.drift + 2 * s.bias, 1)},
      {"wind_speed", rounded(std::abs(4 + 2.5 * s.drift + 0.8 * rng.normal()), 1)},
      {"rain_rate", rounded(rain, 1)}};
}

constexpr Profile all[] = {
    {"gateway", 10'000, start_common, gateway},
    {"gps-tracker", 5'000, start_gps, gps_tracker},
    {"humidity-temperature", 10'000, start_common, humidity_temperature},
    {"temperature-probe", 5'000, start_common, temperature_probe},
    {"energy-meter", 5'000, start_common, energy_meter},
    {"cold-chain-logger", 5'000, start_cold_chain, cold_chain},
    {"air-quality", 10'000, start_common, air_quality},
    {"tank-level", 10'000, start_common, tank_level},
    {"door-contact", 10'000, start_common, door_contact},
    {"machine-vibration", 5'000, start_common, machine_vibration},
    {"weather-station", 10'000, start_common, weather_station},
};

}  // namespace

std::span<const Profile> profiles() { return all; }

const Profile* find_profile(std::string_view slug) {
  const auto* found = std::find_if(std::begin(all), std::end(all),
                                   [&](const Profile& p) { return p.slug == slug; });
  return found == std::end(all) ? nullptr : found;
}

void next_sample(const Profile& profile, State& state, std::int64_t now_ms, Rng& rng, Sample& out) {
  if (state.started_ms == 0) {
    state.started_ms = state.last_ms = now_ms;
    profile.start(state, rng);
  }
  const double elapsed_s =
      std::clamp(static_cast<double>(now_ms - state.last_ms) / 1'000.0, 0.0, 86'400.0);
  state.last_ms = std::max(state.last_ms, now_ms);
  out.clear();
  profile.sample(state, now_ms, elapsed_s, rng, out);
}

}  // namespace pulse::simulator
