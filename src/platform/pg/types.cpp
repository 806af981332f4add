#include "platform/pg/types.hpp"

#include <libpq-fe.h>

#include <charconv>
#include <cmath>

#include "platform/clock.hpp"

namespace pulse::pg {

namespace {

PGresult* res(void* p) { return static_cast<PGresult*>(p); }

void append_number(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "Infinity" : "-Infinity";
  } else {
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
  }
}

}  // namespace

Params& Params::add(double v) {
  std::string text;
  append_number(text, v);
  values_.emplace_back(std::move(text));
  return *this;
}

Params& Params::add_time(std::chrono::sys_time<std::chrono::microseconds> v) {
  values_.emplace_back(iso8601(Time{v}));
  return *this;
}

Params& Params::add(const std::vector<std::string>& v) {
  std::string out = "{";
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i) out += ',';
    out += '"';
    for (const char c : v[i]) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  values_.emplace_back(out + "}");
  return *this;
}

Params& Params::add(const std::vector<std::int64_t>& v) {
  std::string out = "{";
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i) out += ',';
    char text[24];
    out.append(text, std::to_chars(text, text + sizeof text, v[i]).ptr);
  }
  values_.emplace_back(out + "}");
  return *this;
}

Params& Params::add(const std::vector<double>& v) {
  std::string out = "{";
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i) out += ',';
    append_number(out, v[i]);
  }
  values_.emplace_back(out + "}");
  return *this;
}

Result& Result::operator=(Result&& o) noexcept {
  std::swap(res_, o.res_);
  return *this;
}
Result::~Result() {
  if (res_) PQclear(res(res_));
}
int Result::rows() const { return res_ ? PQntuples(res(res_)) : 0; }
int Result::columns() const { return res_ ? PQnfields(res(res_)) : 0; }
int Result::column(std::string_view name) const {
  // PQfnumber folds case and needs a terminated string; names here are compared as they are.
  for (int i = 0; i < columns(); ++i)
    if (name == PQfname(res(res_), i)) return i;
  return -1;
}
std::string_view Result::column_name(int col) const { return PQfname(res(res_), col); }
unsigned Result::type_oid(int col) const { return PQftype(res(res_), col); }
bool Result::null(int row, int col) const { return PQgetisnull(res(res_), row, col) == 1; }
std::string_view Result::text(int row, int col) const {
  return {PQgetvalue(res(res_), row, col),
          static_cast<std::size_t>(PQgetlength(res(res_), row, col))};
}
std::optional<std::string> Result::opt_text(int row, int col) const {
  if (null(row, col)) return std::nullopt;
  return std::string(text(row, col));
}
std::int64_t Result::int64(int row, int col) const {
  const auto t = text(row, col);
  std::int64_t out = 0;
  std::from_chars(t.data(), t.data() + t.size(), out);
  return out;
}
double Result::float8(int row, int col) const {
  const auto t = text(row, col);
  double out = 0;
  std::from_chars(t.data(), t.data() + t.size(), out);
  return out;
}
bool Result::boolean(int row, int col) const { return text(row, col) == "t"; }
std::int64_t Result::affected() const {
  return res_ ? std::strtoll(PQcmdTuples(res(res_)), nullptr, 10) : 0;
}

std::chrono::sys_time<std::chrono::microseconds> parse_timestamptz(std::string_view text) {
  const auto t = parse_any_iso8601(text);
  if (!t) throw Error("not a timestamptz: " + std::string(text), "22007");
  return t->at;
}

std::vector<std::string> parse_text_array(std::string_view text) {
  std::vector<std::string> out;
  if (text.size() < 2 || text.front() != '{') return out;
  std::size_t i = 1;
  while (i < text.size() && text[i] != '}') {
    std::string item;
    if (text[i] == '"') {
      ++i;
      while (i < text.size() && text[i] != '"') {
        if (text[i] == '\\') ++i;
        if (i < text.size()) item += text[i++];
      }
      ++i;
    } else {
      while (i < text.size() && text[i] != ',' && text[i] != '}') item += text[i++];
      if (item == "NULL") item.clear();
    }
    out.push_back(std::move(item));
    if (i < text.size() && text[i] == ',') ++i;
  }
  return out;
}

}  // namespace pulse::pg
