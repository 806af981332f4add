#include "platform/clock.hpp"

#include <algorithm>
#include <charconv>

namespace pulse {

using namespace std::chrono;

namespace {

constexpr sys_time<microseconds> first_instant = sys_days{year{1} / 1 / 1};
constexpr sys_time<microseconds> last_instant =
    sys_time<microseconds>{sys_days{year{10'000} / 1 / 1}} - microseconds{1};

}  // namespace

Time now() { return Time{time_point_cast<microseconds>(system_clock::now())}; }
std::int64_t to_us(Time t) { return t.at.time_since_epoch().count(); }
std::int64_t to_ms(Time t) { return duration_cast<milliseconds>(t.at.time_since_epoch()).count(); }
Time from_us(std::int64_t us) { return Time{sys_time<microseconds>{microseconds{us}}}; }
Time from_ms(std::int64_t ms) { return Time{sys_time<microseconds>{milliseconds{ms}}}; }
std::int64_t now_ms() { return to_ms(now()); }
std::int64_t steady_ms() {
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::int64_t steady_us() {
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

namespace {

/// Writes `value` with so many digits. printf would take a sixth of a telemetry answer's time.
char* put(char* at, unsigned value, int digits) {
  for (int i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + digits;
}

}  // namespace

std::string iso8601(Time t) {
  const auto us = std::clamp(t.at, first_instant, last_instant);
  const auto day = floor<days>(us);
  const year_month_day date{day};
  const hh_mm_ss time{us - day};
  const auto number = [](auto duration) { return static_cast<unsigned>(duration.count()); };
  std::string text = "0000-00-00T00:00:00.000000+00:00";
  char* at = put(text.data(), static_cast<unsigned>(static_cast<int>(date.year())), 4);
  at = put(at + 1, static_cast<unsigned>(date.month()), 2);
  at = put(at + 1, static_cast<unsigned>(date.day()), 2);
  at = put(at + 1, number(time.hours()), 2);
  at = put(at + 1, number(time.minutes()), 2);
  at = put(at + 1, number(time.seconds()), 2);
  put(at + 1, number(time.subseconds()), 6);
  return text;
}

namespace {

/// Reads from the front of a text; every step says whether it fitted.
struct Cursor {
  std::string_view rest;
  bool literal(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool digits(std::size_t count, int& out) {
    if (rest.size() < count) return false;
    for (std::size_t i = 0; i < count; ++i)
      if (rest[i] < '0' || rest[i] > '9') return false;
    std::from_chars(rest.data(), rest.data() + count, out);
    rest.remove_prefix(count);
    return true;
  }
  /// A fraction of a second in microseconds; digits beyond the sixth are cut.
  bool fraction(int& us) {
    std::size_t n = 0;
    us = 0;
    while (n < rest.size() && rest[n] >= '0' && rest[n] <= '9') {
      if (n < 6) us = us * 10 + (rest[n] - '0');
      ++n;
    }
    if (n == 0 || n > 12) return false;
    for (std::size_t i = n; i < 6; ++i) us *= 10;
    rest.remove_prefix(n);
    return true;
  }
};

bool offset_minutes(Cursor& c, int& minutes) {
  minutes = 0;
  if (c.rest.empty() || c.literal('Z') || c.literal('z')) return c.rest.empty();
  int sign = 1;
  if (c.literal('-'))
    sign = -1;
  else if (!c.literal('+'))
    return false;
  int h = 0, m = 0;
  if (!c.digits(2, h)) return false;
  c.literal(':');
  if (!c.rest.empty() && !c.digits(2, m)) return false;
  if (!c.rest.empty() || h > 23 || m > 59) return false;
  minutes = sign * (h * 60 + m);
  return true;
}

std::optional<sys_time<microseconds>> parse(std::string_view text) {
  Cursor c{text};
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, us = 0, offset = 0;
  if (!c.digits(4, y) || !c.literal('-') || !c.digits(2, mo) || !c.literal('-') || !c.digits(2, d))
    return std::nullopt;
  if (!c.rest.empty()) {
    if (!c.literal('T') && !c.literal('t') && !c.literal(' ')) return std::nullopt;
    if (!c.digits(2, h) || !c.literal(':') || !c.digits(2, mi)) return std::nullopt;
    if (c.literal(':') && !c.digits(2, s)) return std::nullopt;
    if ((c.literal('.') || c.literal(',')) && !c.fraction(us)) return std::nullopt;
    if (!offset_minutes(c, offset)) return std::nullopt;
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  // A leap second (60) is taken as the next second, as PostgreSQL does.
  if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  return sys_days{date} + hours{h} + minutes{mi - offset} + seconds{s} + microseconds{us};
}

/// An offset moves the instant, so it is the instant that is looked at and not the year that stands
/// in the text.
std::optional<Time> parse_from(std::string_view text, sys_time<microseconds> first) {
  const auto at = parse(text);
  if (!at || *at < first || *at > last_instant) return std::nullopt;
  return Time{*at};
}

}  // namespace

std::optional<Time> parse_iso8601(std::string_view text) {
  return parse_from(text, sys_time<microseconds>{});
}

std::optional<Time> parse_any_iso8601(std::string_view text) {
  return parse_from(text, first_instant);
}

}  // namespace pulse
