#pragma once
// PostgreSQL: values, parameters and results. Knows no domain word.
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace pulse::pg {

/// An error reported by the server or the connection. `sqlstate` is PostgreSQL's five-character
/// code (appendix A of its manual), "08006" for a lost connection. `constraint` is the violated
/// constraint's name where there is one.
struct Error : std::runtime_error {
  std::string sqlstate;
  std::string constraint;
  std::string detail;
  Error(std::string message, std::string sqlstate_, std::string constraint_ = {},
        std::string detail_ = {})
      : std::runtime_error(std::move(message)),
        sqlstate(std::move(sqlstate_)),
        constraint(std::move(constraint_)),
        detail(std::move(detail_)) {}
  bool unique_violation() const { return sqlstate == "23505"; }
  bool foreign_key_violation() const { return sqlstate == "23503"; }
  bool check_violation() const { return sqlstate == "23514"; }
  /// The data itself is at fault (classes 22 and 23, and 54: it is beyond what the server can
  /// hold): a retry can't help.
  bool data_fault() const {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54");
  }
  /// The connection or the server failed (classes 08, 53, 57, 58): a retry may help.
  bool unavailable() const {
    return sqlstate.starts_with("08") || sqlstate.starts_with("53") || sqlstate.starts_with("57") ||
           sqlstate.starts_with("58");
  }
};

/// Text parameters of one statement, nulls included, in order $1, $2, ...
class Params {
 public:
  Params() = default;
  template <class... A>
  static Params of(const A&... args) {
    Params p;
    p.values_.reserve(sizeof...(A));
    (p.add(args), ...);
    return p;
  }
  /// Text, numbers, bool, std::optional of those, a time point of std::chrono::system_clock,
  /// std::vector of text/numbers (as a PostgreSQL array literal), boost::json::value (by
  /// `json_text`), std::nullopt.
  Params& add(std::string_view v) {
    values_.emplace_back(std::string(v));
    return *this;
  }
  Params& add(const std::string& v) {
    values_.emplace_back(v);
    return *this;
  }
  Params& add(const char* v) {
    values_.emplace_back(std::string(v));
    return *this;
  }
  Params& add(bool v) {
    values_.emplace_back(v ? "t" : "f");
    return *this;
  }
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) Params& add(I v) {
    values_.emplace_back(std::to_string(v));
    return *this;
  }
  Params& add(double v);
  template <class Duration>
  Params& add(std::chrono::sys_time<Duration> v) {
    return add_time(std::chrono::floor<std::chrono::microseconds>(v));
  }
  Params& add(std::nullopt_t) {
    values_.emplace_back(std::nullopt);
    return *this;
  }
  Params& add(const std::vector<std::string>& v);
  Params& add(const std::vector<std::int64_t>& v);
  Params& add(const std::vector<double>& v);
  template <class T>
  Params& add(const std::optional<T>& v) {
    if (v) return add(*v);
    return add(std::nullopt);
  }
  const std::vector<std::optional<std::string>>& values() const { return values_; }
  std::size_t size() const { return values_.size(); }

 private:
  Params& add_time(std::chrono::sys_time<std::chrono::microseconds> v);
  std::vector<std::optional<std::string>> values_;
};

/// One result set in text format, owned (wraps PGresult). Cheap to move, not copyable.
class Result {
 public:
  Result() = default;
  explicit Result(void* pgresult) : res_(pgresult) {}
  Result(Result&& o) noexcept : res_(o.res_) { o.res_ = nullptr; }
  Result& operator=(Result&& o) noexcept;
  Result(const Result&) = delete;
  ~Result();

  int rows() const;
  int columns() const;
  bool empty() const { return rows() == 0; }
  /// Index of the column, or -1.
  int column(std::string_view name) const;
  std::string_view column_name(int col) const;
  /// PostgreSQL type OID of the column (e.g. 3802 jsonb, 1184 timestamptz, 16 bool).
  unsigned type_oid(int col) const;
  bool null(int row, int col) const;
  /// The value's text; empty for null. Valid while the result lives.
  std::string_view text(int row, int col) const;
  std::optional<std::string> opt_text(int row, int col) const;
  std::int64_t int64(int row, int col) const;
  double float8(int row, int col) const;
  bool boolean(int row, int col) const;
  /// Rows touched by INSERT, UPDATE, DELETE, COPY.
  std::int64_t affected() const;

 private:
  void* res_ = nullptr;
};

/// Parses timestamptz text in ISO style ("2026-11-24 10:11:12.123456+00"), years 1 to 9999.
std::chrono::sys_time<std::chrono::microseconds> parse_timestamptz(std::string_view text);
/// A PostgreSQL array literal ('{a,b}') of text as strings; nulls inside become empty.
std::vector<std::string> parse_text_array(std::string_view text);

}  // namespace pulse::pg
