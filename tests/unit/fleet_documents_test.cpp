// Documents of twins and commands: RFC 7396 by its own examples, differences, schemas; and where
// messages to devices go.
#include <gtest/gtest.h>

#include "fleet/documents.hpp"
#include "fleet/json_schema.hpp"
#include "fleet/to_device.hpp"
#include "platform/errors.hpp"

namespace pulse::fleet {

namespace bj = boost::json;

namespace {

bj::object object(const char* text) { return bj::parse(text).as_object(); }

/// "loc: msg" of each fault.
std::vector<std::string> faults(const char* schema, const char* value) {
  std::vector<std::string> out;
  for (const auto& f : faults_by_schema(bj::parse(schema), bj::parse(value), {})) {
    std::string text;
    for (const auto& step : f.loc) text += step + ".";
    out.push_back(text + " " + f.msg);
  }
  return out;
}

using Faults = std::vector<std::string>;

}  // namespace

TEST(MergePatch, does_what_the_examples_of_its_standard_say) {
  // RFC 7396, appendix A, as far as target and patch are objects.
  const struct {
    const char *target, *patch, *result;
  } cases[] = {{R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
               {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
               {R"({"a":"b"})", R"({"a":null})", R"({})"},
               {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
               {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
               {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
               {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
               {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
               {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
               {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}};
  for (const auto& c : cases) {
    auto target = object(c.target);
    merge_patch(target, object(c.patch));
    EXPECT_EQ(target, object(c.result)) << c.target << " with " << c.patch;
  }
}

TEST(Delta, tells_members_by_how_they_differ) {
  const auto delta = delta_of(object(R"({"a":1,"b":{"x":1},"c":[1],"d":true})"),
                              object(R"({"a":1.0,"b":{"x":2},"c":[1],"e":null})"));
  EXPECT_EQ(delta.unchanged, 2);
  EXPECT_EQ(delta.added, object(R"({"d":true})"));
  EXPECT_EQ(delta.removed, object(R"({"e":null})"));
  EXPECT_EQ(delta.changed, object(R"({"b":{"old_value":{"x":2},"new_value":{"x":1}}})"));
  EXPECT_EQ(delta.wanted, object(R"({"b":{"x":1},"d":true})"));
  EXPECT_TRUE(
      delta_of(object(R"({"a":{"b":1,"c":2}})"), object(R"({"a":{"c":2,"b":1.0}})")).empty());
}

TEST(Documents, are_bounded_and_hold_no_nul) {
  bj::object large;
  large["a"] = std::string(document_bytes_max, 'x');
  EXPECT_THROW(checked_document(large, "desired"), HttpError);
  EXPECT_THROW(checked_document(object(R"({"a":[{"b":"\u0000"}]})"), "desired"), ValidationError);
  EXPECT_THROW(checked_document(object(R"({"a\u0000":1})"), "desired"), ValidationError);
  EXPECT_EQ(checked_document(object(R"({"a":[1]})"), "desired"), R"({"a":[1]})");
}

TEST(JsonSchema, names_every_fault_and_its_place) {
  const char* schema = R"({"type":"object","properties":{
      "n":{"type":"integer","minimum":5,"exclusiveMaximum":10},"s":{"type":"string","maxLength":2},
      "l":{"type":"array","items":{"enum":["a","b"]},"maxItems":2}},
    "required":["n"],"additionalProperties":false})";
  EXPECT_EQ(faults(schema, R"({"n":7,"s":"ab","l":["a"]})"), Faults{});
  EXPECT_EQ(faults(schema, R"({})"), Faults{"n. is required"});
  EXPECT_EQ(faults(schema, R"({"n":10,"s":"abc","l":["a","c","b"],"x":1})"),
            (Faults{"n. must be less than 10", "s. must have at most 2 characters",
                    "l. must have at most 2 items", R"(l.1. must be one of ["a","b"])",
                    "x. is not known"}));
  EXPECT_EQ(faults(schema, "[]"), Faults{" must be of type object"});
}

TEST(JsonSchema, knows_its_keywords) {
  EXPECT_EQ(faults(R"({"type":"integer"})", "5.0"), Faults{});
  EXPECT_EQ(faults(R"({"type":"integer"})", "5.5").size(), 1u);
  EXPECT_EQ(faults(R"({"type":["string","null"]})", "null"), Faults{});
  EXPECT_EQ(faults(R"({"type":["string","null"]})", "1").size(), 1u);
  EXPECT_EQ(faults(R"({"const":true})", "true"), Faults{});
  EXPECT_EQ(faults(R"({"const":true})", "false").size(), 1u);
  EXPECT_EQ(faults(R"({"multipleOf":0.1})", "0.3"), Faults{});
  EXPECT_EQ(faults(R"({"multipleOf":5})", "12").size(), 1u);
  EXPECT_EQ(faults(R"({"anyOf":[{"type":"string"},{"minimum":3}]})", "4"), Faults{});
  EXPECT_EQ(faults(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "4").size(), 1u);
  EXPECT_EQ(faults(R"({"oneOf":[{"minimum":1},{"minimum":3}]})", "4").size(), 1u);
  EXPECT_EQ(faults(R"({"oneOf":[{"minimum":1},{"minimum":3}]})", "2"), Faults{});
  EXPECT_EQ(faults(R"({"allOf":[{"minimum":1},{"maximum":3}]})", "4").size(), 1u);
  EXPECT_EQ(faults(R"({"additionalProperties":{"type":"string"}})", R"({"a":1})").size(), 1u);
  EXPECT_EQ(faults("false", "1").size(), 1u);
  EXPECT_EQ(faults(R"({"pattern":"(a+)+$","format":"email"})", R"("aaaaaaaaaaaaaaaaaaaaaaaa!")"),
            Faults{});
}

TEST(JsonSchema, a_schema_that_would_never_end_is_a_fault) {
  std::string branches, items;
  for (int i = 0; i < 2'000; ++i) {
    branches += (i ? "," : "") + std::string(R"({"type": "string"})");
    items += (i ? "," : "") + std::to_string(i);
  }
  const auto schema = bj::parse(R"({"items": {"anyOf": [)" + branches + "]}}");
  const auto faults = faults_by_schema(schema, bj::parse("[" + items + "]"), {"body"});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].msg, "is too much to be checked against the template's schema");
  // Words that fill a screen are not repeated.
  const auto words = bj::parse(R"({"enum": [")" + std::string(5'000, 'x') + R"("]})");
  const auto long_words = faults_by_schema(words, bj::parse("1"), {"body"});
  ASSERT_EQ(long_words.size(), 1u);
  EXPECT_LT(long_words[0].msg.size(), 400u);
}

TEST(ToDevice, a_subject_leads_to_one_topic) {
  const auto subject = to_device_subject("acme", "pump-01", "shadow/desired");
  EXPECT_EQ(subject, "pulse.device.acme.pump-01.shadow.desired");
  const auto target = target_of(subject);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->tenant, "acme");
  EXPECT_EQ(target->device, "pump-01");
  EXPECT_EQ(target->kind, "shadow/desired");
  EXPECT_FALSE(target_of("pulse.device.acme"));
  EXPECT_FALSE(target_of("pulse.device.acme.pump-01"));
  EXPECT_FALSE(target_of("live.acme"));
}

}  // namespace pulse::fleet
