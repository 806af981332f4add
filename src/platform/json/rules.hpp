#pragma once
// Constraints on described structs, stated once: they check input and appear in the schema.
//   inline auto constraints(As<CreateSite>) {
//     return rules<CreateSite>().length(&CreateSite::site_id, 1, 128).range(&CreateSite::latitude,
//     -90, 90);
//   }
#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <boost/mp11/algorithm.hpp>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "platform/errors.hpp"

namespace pulse::json {

/// Tag by which `constraints` is found for T (argument-dependent look-up).
template <class T>
struct As {};

template <class T>
using described_members = boost::describe::describe_members<T, boost::describe::mod_public |
                                                                   boost::describe::mod_inherited>;

/// Name of the member that `pointer` points to.
template <class T, class M>
std::string member_name(M T::*pointer) {
  std::string name;
  boost::mp11::mp_for_each<described_members<T>>([&](auto d) {
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(d.pointer)>, M T::*>) {
      if (d.pointer == pointer) name = d.name;
    }
  });
  return name;
}

/// A PATCH member: absent, null or a value.
template <class T>
struct Patch {
  bool present = false;
  std::optional<T> value;
  explicit operator bool() const { return present; }
};

/// True when `text` matches the pattern kind; patterns are named, not regular expressions, so that
/// no input can make a check slow.
bool matches_identifier(std::string_view text);  ///< [A-Za-z0-9_-]{1,128}
/// Code points of valid UTF-8 text (bytes when it is not valid).
std::size_t utf8_length(std::string_view text);

/// The rules of one described struct: a list of member, check and schema keywords.
template <class T>
class Rules {
 public:
  struct Rule {
    std::string member;
    std::function<void(const T&, std::vector<std::string>& loc, Faults&)> check;
    boost::json::object schema;
  };

  /// Code points of a string (or optional string) member.
  template <class M>
  Rules& length(M T::*m, std::size_t lo, std::size_t hi) {
    return add(
        m, {{"minLength", lo}, {"maxLength", hi}},
        [lo, hi](const auto& v) -> std::string {
          const auto n = utf8_length(v);
          if (n < lo) return "must have at least " + std::to_string(lo) + " character(s)";
          if (n > hi) return "must have at most " + std::to_string(hi) + " characters";
          return {};
        },
        "string_length");
  }
  /// Inclusive bounds of a number (or optional number).
  template <class M>
  Rules& range(M T::*m, double lo, double hi) {
    boost::json::object schema;
    schema["minimum"] = number(lo);
    schema["maximum"] = number(hi);
    return add(
        m, std::move(schema),
        [lo, hi](const auto& v) -> std::string {
          const auto d = static_cast<double>(v);
          if (!(d >= lo && d <= hi)) return "must be between " + text(lo) + " and " + text(hi);
          return {};
        },
        "out_of_range");
  }
  /// An identifier that may stand in topics and subjects: [A-Za-z0-9_-]{1,128}.
  template <class M>
  Rules& identifier(M T::*m) {
    return add(
        m, {{"pattern", "^[A-Za-z0-9_-]{1,128}$"}},
        [](const auto& v) -> std::string {
          return matches_identifier(v) ? std::string{}
                                       : "must be 1 to 128 of letters, digits, '_' and '-'";
        },
        "string_pattern");
  }
  /// One of the given words.
  template <class M>
  Rules& one_of(M T::*m, std::vector<std::string> words) {
    boost::json::array list;
    std::string joined;
    for (const auto& w : words) {
      list.emplace_back(w);
      joined += joined.empty() ? w : ", " + w;
    }
    return add(
        m, {{"enum", list}},
        [words, joined](const auto& v) -> std::string {
          for (const auto& w : words)
            if (v == w) return {};
          return "must be one of " + joined;
        },
        "enum");
  }
  /// Number of items of an array member.
  template <class M>
  Rules& items(M T::*m, std::size_t lo, std::size_t hi) {
    return add(
        m, {{"minItems", lo}, {"maxItems", hi}},
        [lo, hi](const auto& v) -> std::string {
          if (v.size() < lo) return "must have at least " + std::to_string(lo) + " item(s)";
          if (v.size() > hi) return "must have at most " + std::to_string(hi) + " items";
          return {};
        },
        "array_length");
  }
  /// Words for the schema only.
  template <class M>
  Rules& describe(M T::*m, std::string words, boost::json::value example = nullptr) {
    Rule r;
    r.member = member_name<T>(m);
    r.schema["description"] = std::move(words);
    if (!example.is_null()) r.schema["examples"] = boost::json::array{example};
    list_.push_back(std::move(r));
    return *this;
  }
  /// A check over the whole struct; returns the fault's text or nothing.
  Rules& check(std::string member, std::function<std::string(const T&)> f) {
    Rule r;
    r.member = member;
    r.check = [member, f = std::move(f)](const T& v, std::vector<std::string>& loc,
                                         Faults& faults) {
      if (auto msg = f(v); !msg.empty()) {
        auto where = loc;
        if (!member.empty()) where.push_back(member);
        faults.push_back({std::move(where), std::move(msg), "value_error"});
      }
    };
    list_.push_back(std::move(r));
    return *this;
  }
  const std::vector<Rule>& list() const { return list_; }

 private:
  template <class M, class F>
  Rules& add(M T::*m, boost::json::object schema, F judge, std::string type) {
    Rule r;
    r.member = member_name<T>(m);
    r.schema = std::move(schema);
    r.check = [m, judge, type, name = r.member](const T& v, std::vector<std::string>& loc,
                                                Faults& faults) {
      const auto fault = [&](const std::string& msg) {
        if (msg.empty()) return;
        auto where = loc;
        where.push_back(name);
        faults.push_back({std::move(where), msg, type});
      };
      const auto& member = v.*m;
      if constexpr (requires { member.present; }) {
        if (member.value) fault(judge(*member.value));
      } else if constexpr (requires { member.has_value(); }) {
        if (member) fault(judge(*member));
      } else {
        fault(judge(member));
      }
    };
    list_.push_back(std::move(r));
    return *this;
  }
  static boost::json::value number(double d) {
    if (d == static_cast<double>(static_cast<std::int64_t>(d))) return static_cast<std::int64_t>(d);
    return d;
  }
  static std::string text(double d) {
    if (d == static_cast<double>(static_cast<std::int64_t>(d)))
      return std::to_string(static_cast<std::int64_t>(d));
    return std::to_string(d);
  }
  std::vector<Rule> list_;
};

template <class T>
Rules<T> rules() {
  return {};
}

/// The rules of T: those of `constraints(As<T>)` when it exists, else none.
template <class T>
const Rules<T>& rules_of() {
  static const Rules<T> list = [] {
    if constexpr (requires { constraints(As<T>{}); }) {
      return constraints(As<T>{});
    } else {
      return Rules<T>{};
    }
  }();
  return list;
}

}  // namespace pulse::json
