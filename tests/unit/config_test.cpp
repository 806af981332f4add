#include "platform/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server_process.hpp"

namespace pulse {
namespace {

using Values = std::map<std::string, std::string>;
using testing::HasSubstr;
using testing::Not;

std::vector<Setting> settings() {
  return {{"HOST", "127.0.0.1", SettingKind::text, false, "where it listens"},
          {"PULSE_PORT", "8080", SettingKind::integer, false, "port", 1, 65535},
          {"OFFSET", "-3", SettingKind::integer, false, "any number"},
          {"VERBOSE", "false", SettingKind::boolean, false, "says more"},
          {"SECRET_KEY", "", SettingKind::text, true, "seals"},
          {"SECRET_NUMBER", "0", SettingKind::integer, true, "counts"}};
}

struct ConfigTest : testing::Test {
  test::ScratchDirectory scratch{"pulse-config"};
  std::string file(const std::string& text) {
    const auto path = scratch.path() + "/pulse.toml";
    std::ofstream(path) << text;
    return path;
  }
  static Config make(const std::string& file, Values environment = {}, Values flags = {}) {
    return Config(settings(), file, environment, flags);
  }
  static std::string fault(const std::string& file, Values environment = {}, Values flags = {}) {
    try {
      make(file, std::move(environment), std::move(flags));
      return "none";
    } catch (const ConfigError& e) {
      return e.what();
    }
  }
  static Config::Effective effective(const Config& config, const std::string& name) {
    for (const auto& e : config.effective())
      if (e.name == name) return e;
    return {};
  }
};

TEST_F(ConfigTest, FlagsGoBeforeEnvironmentBeforeFileBeforeDefault) {
  const auto path = file("HOST = 'file'\nPULSE_PORT = 1\nOFFSET = -7\n");
  const auto config =
      make(path, {{"HOST", "environment"}, {"PULSE_PORT", "2"}}, {{"PULSE_PORT", "3"}});
  EXPECT_EQ(config.integer("PULSE_PORT"), 3);
  EXPECT_EQ(config.text("HOST"), "environment");
  EXPECT_EQ(config.integer("OFFSET"), -7);
  EXPECT_FALSE(config.boolean("VERBOSE"));
  EXPECT_EQ(effective(config, "PULSE_PORT").source, "flag");
  EXPECT_EQ(effective(config, "HOST").source, "environment");
  EXPECT_EQ(effective(config, "OFFSET").source, "file");
  EXPECT_EQ(effective(config, "VERBOSE").source, "default");
  EXPECT_TRUE(config.given("OFFSET"));
  EXPECT_FALSE(config.given("VERBOSE"));
  // Who says the default says something.
  EXPECT_TRUE(make("", {{"VERBOSE", "false"}}).given("VERBOSE"));
}

TEST_F(ConfigTest, ReadsTheFormsOfValues) {
  for (const auto* yes : {"1", "true", "yes", "on"})
    EXPECT_TRUE(make("", {{"VERBOSE", yes}}).boolean("VERBOSE")) << yes;
  for (const auto* no : {"0", "false", "no", "off", ""})
    EXPECT_FALSE(make("", {{"VERBOSE", no}}).boolean("VERBOSE")) << no;
  EXPECT_TRUE(make(file("VERBOSE = true\nHOST = \"a\\tb\"\n")).boolean("VERBOSE"));
  EXPECT_EQ(make(file("HOST = \"a\\tb\"\n")).text("HOST"), "a\tb");
  EXPECT_EQ(make("", {{"OFFSET", "9223372036854775807"}}).integer("OFFSET"), INT64_MAX);
}

TEST_F(ConfigTest, RefusesAndNamesWhatIsWrong) {
  for (const auto& [name, value, why] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"PULSE_PORT", "0", "between 1 and 65535"},
           {"PULSE_PORT", "65536", "between 1 and 65535"},
           {"PULSE_PORT", "80 80", "not an integer"},
           {"PULSE_PORT", "8e3", "not an integer"},
           {"PULSE_PORT", "", "not an integer"},
           {"OFFSET", "9223372036854775808", "not an integer"},
           {"VERBOSE", "maybe", "not a boolean"}}) {
    for (const auto& text : {fault("", {{name, value}}), fault("", {}, {{name, value}})}) {
      EXPECT_THAT(text, HasSubstr(name));
      EXPECT_THAT(text, HasSubstr(why));
      EXPECT_THAT(text, HasSubstr("'" + value + "'"));
    }
  }
}

TEST_F(ConfigTest, RefusesNamesThatNobodyDeclared) {
  EXPECT_THAT(fault("", {{"PULSE_PROT", "1"}}), HasSubstr("PULSE_PROT"));
  EXPECT_EQ(fault("", {{"PATH", "/bin"}, {"HOSTNAME", "x"}}), "none") << "not ours";
  EXPECT_THAT(fault("", {}, {{"HOSTS", "x"}}), HasSubstr("HOSTS"));
  EXPECT_THAT(fault(file("HOSTS = 'x'\n")), HasSubstr("HOSTS"));
}

TEST_F(ConfigTest, NamesTheFileAndThePlace) {
  EXPECT_THAT(fault(file("HOST = 'a'\nVERBOSE = = 1\n")),
              testing::AllOf(HasSubstr("pulse.toml"), HasSubstr("line 2")));
  EXPECT_THAT(fault(file("HOST = ['a', 'b']\n")), HasSubstr("HOST must be a string"));
  EXPECT_THAT(fault(file("PULSE_PORT = 80.5\n")), HasSubstr("PULSE_PORT must be"));
  EXPECT_THAT(fault(scratch.path() + "/nothing.toml"), HasSubstr("nothing.toml"));
}

TEST_F(ConfigTest, ShowsNoSecret) {
  const auto config = make("", {{"SECRET_KEY", "hunter2"}});
  EXPECT_EQ(config.text("SECRET_KEY"), "hunter2");
  EXPECT_EQ(effective(config, "SECRET_KEY").value, "********");
  EXPECT_EQ(effective(make(""), "SECRET_KEY").value, "") << "that there is none may be seen";
  EXPECT_EQ(effective(config, "HOST").value, "127.0.0.1");
  EXPECT_EQ(effective(config, "HOST").help, "where it listens");
  EXPECT_THAT(fault("", {{"SECRET_NUMBER", "hunter2"}}),
              testing::AllOf(HasSubstr("SECRET_NUMBER"), Not(HasSubstr("hunter2"))));
}

TEST_F(ConfigTest, TakesTheProcesssEnvironment) {
  ::setenv("PULSE_TEST_OF_CONFIG", "a=b", 1);
  EXPECT_EQ(Config::environment().at("PULSE_TEST_OF_CONFIG"), "a=b");
  ::unsetenv("PULSE_TEST_OF_CONFIG");
  EXPECT_FALSE(Config::environment().contains("PULSE_TEST_OF_CONFIG"));
}

}  // namespace
}  // namespace pulse
