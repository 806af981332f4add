#pragma once
// Configuration: every setting is declared once, with its default. Order of precedence: flags over
// environment over file over default. Errors name the variable.
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace pulse {

/// A malformed, unknown or forbidden setting; the text names the variable and the fix.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class SettingKind { text, integer, boolean };

/// One setting as it is declared.
struct Setting {
  std::string name;
  std::string fallback;
  SettingKind kind = SettingKind::text;
  bool secret = false;
  std::string help;
  long min = 0, max = 0;  ///< of integers; both 0: unbounded
};

class Config {
 public:
  /// Reads `file` (TOML, the same names as the environment; empty: none), then the environment,
  /// then `flags`. Throws ConfigError for unknown names in the file or flags, unknown PULSE_* names
  /// in the environment, and malformed values.
  Config(std::vector<Setting> settings, const std::string& file,
         const std::map<std::string, std::string>& environment,
         const std::map<std::string, std::string>& flags);

  const std::string& text(const std::string& name) const;
  long integer(const std::string& name) const;
  bool boolean(const std::string& name) const;
  /// True when something other than the default gave the value.
  bool given(const std::string& name) const;

  struct Effective {
    std::string name, value, source, help;  ///< secrets are masked
  };
  std::vector<Effective> effective() const;

  /// The process's environment.
  static std::map<std::string, std::string> environment();

 private:
  struct Value {
    std::string text;
    std::string source = "default";
  };
  void set(const std::string& name, std::string value, const std::string& source);
  std::vector<Setting> settings_;
  std::map<std::string, Value> values_;
};

}  // namespace pulse
