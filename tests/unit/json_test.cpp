// The JSON binding: reading with all faults at once, rules, writing, schemas.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "platform/json/schema.hpp"

namespace pulse::json_test {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Point {
  double x = 0;
  std::optional<double> y;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y))

struct Shape {
  std::string id;
  Colour colour = Colour::red;
  std::vector<Point> points;
  std::optional<std::string> note;
  json::Patch<std::string> label;
  std::map<std::string, int> counts;
  int sides = 3;
};
BOOST_DESCRIBE_STRUCT(Shape, (), (id, colour, points, note, label, counts, sides))
inline auto constraints(json::As<Shape>) {
  return json::rules<Shape>()
      .identifier(&Shape::id)
      .range(&Shape::sides, 1, 12)
      .length(&Shape::note, 1, 5)
      .length(&Shape::label, 0, 3);
}
inline std::vector<std::string_view> optional_members(json::As<Shape>) {
  return {"counts", "sides"};
}

Faults faults_of(std::string_view text) {
  try {
    json::from_text<Shape>(text);
  } catch (const ValidationError& e) {
    return e.faults;
  }
  return {};
}

TEST(JsonRead, ReadsEveryKindOfMember) {
  const auto s = json::from_text<Shape>(
      R"({"id":"a-1","colour":"green","points":[{"x":1,"y":null},{"x":2.5,"y":3}],)"
      R"("note":"hey","label":null,"counts":{"k":7}})");
  EXPECT_EQ(s.id, "a-1");
  EXPECT_EQ(s.colour, Colour::green);
  ASSERT_EQ(s.points.size(), 2u);
  EXPECT_FALSE(s.points[0].y);
  EXPECT_EQ(s.points[1].y, 3);
  EXPECT_TRUE(s.label.present);
  EXPECT_FALSE(s.label.value);
  EXPECT_EQ(s.counts.at("k"), 7);
  EXPECT_EQ(s.sides, 3) << "an optional member keeps its default";
}

TEST(JsonRead, ReportsEveryFaultAtOnceWithItsPlace) {
  const auto faults = faults_of(R"({"id":5,"colour":"blue","points":[{"x":"far"},{}]})");
  std::vector<std::string> places;
  for (const auto& f : faults) {
    std::string place;
    for (const auto& part : f.loc) place += (place.empty() ? "" : ".") + part;
    places.push_back(place + ":" + f.type);
  }
  EXPECT_EQ(places,
            (std::vector<std::string>{"body.id:string_type", "body.colour:enum",
                                      "body.points.0.x:float_type", "body.points.1.x:missing"}));
}

TEST(JsonRead, RulesNameTheMember) {
  const auto faults = faults_of(
      R"({"id":"no spaces","colour":"red","points":[],"note":"too long","label":"abcd","sides":13})");
  ASSERT_EQ(faults.size(), 4u);
  EXPECT_EQ(faults[0].loc, (std::vector<std::string>{"body", "id"}));
  EXPECT_EQ(faults[1].loc.back(), "sides");
  EXPECT_EQ(faults[2].loc.back(), "note");
  EXPECT_EQ(faults[3].loc.back(), "label");
}

TEST(JsonRead, RefusesWhatIsNoJsonOrTooDeep) {
  EXPECT_EQ(faults_of("").at(0).type, "json_invalid");
  EXPECT_EQ(faults_of("{").at(0).type, "json_invalid");
  EXPECT_EQ(faults_of(std::string(100, '[') + std::string(100, ']')).at(0).type, "json_invalid");
  EXPECT_EQ(faults_of("[]").at(0).type, "object_type");
  EXPECT_EQ(faults_of("{\"id\":\"\xff\"}").at(0).type, "json_invalid");
}

TEST(JsonRead, RefusesNulInText) {
  const auto faults = faults_of(R"({"id":"a\u0000b","colour":"red","points":[]})");
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(faults[0].loc.back(), "id");
}

TEST(JsonRead, NumbersOutOfRangeAreFaults) {
  EXPECT_EQ(faults_of(R"({"id":"a","colour":"red","points":[],"sides":99999999999})").at(0).type,
            "int_type");
  EXPECT_EQ(faults_of(R"({"id":"a","colour":"red","points":[],"sides":2.5})").at(0).type,
            "int_type");
}

TEST(JsonWrite, TextIsUtf8WithoutNul) {
  for (const std::string_view text : {"", "plain", "caf\xc3\xa9 \xf0\x9f\x98\x80"})
    EXPECT_TRUE(json::is_text(text)) << text;
  for (const std::string_view other : {std::string_view("a\0b", 3), std::string_view("M\xfcller"),
                                       std::string_view("\xed\xa0\x80"), std::string_view("\xc3")})
    EXPECT_FALSE(json::is_text(other));
}

TEST(JsonWrite, WritesEveryMemberInOrder) {
  Point p;
  p.x = 0.1;
  EXPECT_EQ(json::to_text(p), R"({"x":0.1,"y":null})");
  EXPECT_EQ(json::to_text(std::string("a\"b\\c\n\x01")), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(json::to_text(std::string("\xff")), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(json::to_text(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(json::to_text(from_ms(0)), "\"1970-01-01T00:00:00.000000+00:00\"");
}

RC_GTEST_PROP(JsonWrite, TextComesBackAsItWas, (const std::string& text)) {
  const auto written = json::to_text(text);
  const auto back = boost::json::parse(written).as_string();
  std::string again;
  json::write_string(again, {back.data(), back.size()});
  RC_ASSERT(again == written);
}

RC_GTEST_PROP(JsonWrite, DecimalsOfFifteenDigitsComeBackExactly, ()) {
  const auto digits = *rc::gen::inRange<std::int64_t>(-999'999'999'999'999, 999'999'999'999'999);
  const auto places = *rc::gen::inRange(0, 15);
  const double d = static_cast<double>(digits) / std::pow(10.0, places);
  RC_ASSERT(boost::json::parse(json::to_text(d)).to_number<double>() == d);
}

TEST(JsonSchema, CarriesTypesRequiredAndRules) {
  json::Components c;
  const auto ref = json::schema<Shape>(c);
  EXPECT_EQ(ref.at("$ref").as_string(), "#/components/schemas/Shape");
  const auto& shape = c.schemas.at("Shape");
  EXPECT_EQ(shape.at("required"), (boost::json::array{"id", "colour", "points"}));
  EXPECT_EQ(shape.at("properties").at("id").at("pattern").as_string(), "^[A-Za-z0-9_-]{1,128}$");
  EXPECT_EQ(shape.at("properties").at("note").at("type"), (boost::json::array{"string", "null"}));
  EXPECT_EQ(shape.at("properties").at("sides").at("maximum").as_int64(), 12);
  EXPECT_TRUE(c.schemas.contains("Point"));
}

TEST(JsonSchema, NamesTemplatesBySpelling) {
  EXPECT_EQ(json::component_name("pulse::Page<pulse::fleet::Site>"), "PageSite");
}

}  // namespace pulse::json_test
