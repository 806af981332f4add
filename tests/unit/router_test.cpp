// Declared endpoints: routing, decoding, access, errors, the OpenAPI document.
#include "platform/http/router.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "platform/pg/types.hpp"

namespace pulse::http {

struct CreateThing {
  std::string name;
  std::optional<int> size;
};
BOOST_DESCRIBE_STRUCT(CreateThing, (), (name, size))
inline auto constraints(json::As<CreateThing>) {
  return json::rules<CreateThing>().length(&CreateThing::name, 1, 10);
}
struct Thing {
  std::string id, name;
};
BOOST_DESCRIBE_STRUCT(Thing, (), (id, name))
struct ListThings {
  std::optional<int> limit;
  std::vector<std::string> tag;
  std::optional<bool> deep;
};
BOOST_DESCRIBE_STRUCT(ListThings, (), (limit, tag, deep))
inline auto constraints(json::As<ListThings>) {
  return json::rules<ListThings>().range(&ListThings::limit, 1, 100);
}

struct Store {
  std::string last;
};
struct Deps {
  Store* store;
};

Task<Created<Thing>> create_thing(Deps d, Body<CreateThing> body) {
  d.store->last = body->name;
  co_return Created<Thing>{Thing{"t1", body->name}};
}
Task<Thing> read_thing(Deps, Path<"thing_id"> id) {
  if (id.value == "none") throw not_found("Thing not found");
  if (id.value == "boom") throw std::runtime_error("secret inside");
  if (id.value == "down") throw pg::Error("gone", "08006");
  co_return Thing{id.value, "x"};
}
Task<std::vector<std::string>> list_things(Deps, Query<ListThings> q) { co_return q->tag; }
Task<NoContent> delete_thing(Deps, Path<"other_name"> id) {
  EXPECT_EQ(id.value, "a/b");
  co_return NoContent{};
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    api_.post("/things", bound(deps_, create_thing)).needs("things.write").summary("Create");
    api_.get("/things", bound(deps_, list_things)).needs("things.read");
    api_.get("/things/summary",
             [](Raw) -> Task<Response> { co_return Response::json(200, "\"summary\""); })
        .open("a test");
    api_.get("/things/{thing_id}", bound(deps_, read_thing)).needs("things.read");
    api_.del("/things/{other_name}", bound(deps_, delete_thing)).needs("things.write");
    api_.authorize_with([this](Request& r, const EndpointSpec& spec) -> Task<> {
      asked_ = spec.permission;
      ++times_asked_;
      if (r.headers.find("Denied")) throw forbidden("Permission required: " + spec.permission);
      co_return;
    });
  }
  Response send(std::string method, std::string path, std::string body = {}, Headers headers = {}) {
    Request r;
    r.method = std::move(method);
    const auto mark = path.find('?');
    r.path = path.substr(0, mark);
    if (mark != std::string::npos) {
      std::string rest = path.substr(mark + 1);
      std::size_t at = 0;
      while (at < rest.size()) {
        auto end = rest.find('&', at);
        if (end == std::string::npos) end = rest.size();
        const auto pair = rest.substr(at, end - at);
        const auto eq = pair.find('=');
        r.query.emplace_back(pair.substr(0, eq), pair.substr(eq + 1));
        at = end + 1;
      }
    }
    r.body = std::move(body);
    r.headers = std::move(headers);
    r.request_id = "req-1";
    boost::asio::io_context io;
    auto future = boost::asio::co_spawn(io, api_.handle(r), boost::asio::use_future);
    io.run();
    return future.get();
  }
  Store store_;
  Deps deps_{&store_};
  Router api_;
  std::string asked_;
  int times_asked_ = 0;
};

TEST_F(RouterTest, DecodesBodiesAndAnswersCreated) {
  const auto r = send("POST", "/things", R"({"name":"lamp"})");
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(r.body, R"({"id":"t1","name":"lamp"})");
  EXPECT_EQ(store_.last, "lamp");
  EXPECT_EQ(asked_, "things.write");
}

TEST_F(RouterTest, BadBodiesAre422WithEveryFault) {
  const auto r = send("POST", "/things", R"({"size":"big"})");
  EXPECT_EQ(r.status, 422);
  const auto detail = boost::json::parse(r.body).at("detail").as_array();
  ASSERT_EQ(detail.size(), 2u);
  EXPECT_EQ(detail[0].at("loc"), (boost::json::array{"body", "name"}));
  EXPECT_EQ(detail[0].at("type").as_string(), "missing");
  EXPECT_EQ(send("POST", "/things", "{}x").status, 422);
  EXPECT_TRUE(store_.last.empty());
}

TEST_F(RouterTest, WrongContentTypeIs415) {
  EXPECT_EQ(send("POST", "/things", "<a/>", {{"Content-Type", "text/xml"}}).status, 415);
  EXPECT_EQ(send("POST", "/things", R"({"name":"a"})",
                 {{"Content-Type", "application/json; charset=utf-8"}})
                .status,
            201);
}

TEST_F(RouterTest, QueryParametersAreTyped) {
  EXPECT_EQ(send("GET", "/things?tag=a&tag=b&limit=5&deep=true").body, R"(["a","b"])");
  const auto r = send("GET", "/things?limit=abc&deep=maybe");
  EXPECT_EQ(r.status, 422);
  EXPECT_EQ(boost::json::parse(r.body).at("detail").as_array().size(), 2u);
  EXPECT_EQ(send("GET", "/things?limit=101").status, 422);
}

TEST_F(RouterTest, LiteralsWinOverParameters) {
  EXPECT_EQ(send("GET", "/things/summary").body, "\"summary\"");
  EXPECT_EQ(send("GET", "/things/abc").body, R"({"id":"abc","name":"x"})");
  EXPECT_EQ(send("DELETE", "/things/a%2Fb").status, 204);
  EXPECT_EQ(send("GET", "/things/%zz").status, 404);
}

TEST_F(RouterTest, UnknownPathsAndMethods) {
  EXPECT_EQ(send("GET", "/nothing").status, 404);
  EXPECT_EQ(send("GET", "/things/a/b").status, 404);
  const auto r = send("PUT", "/things/abc");
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(r.headers.get("Allow"), "DELETE, GET, HEAD, OPTIONS");
  EXPECT_EQ(send("OPTIONS", "/things/abc").status, 204);
}

TEST_F(RouterTest, HeadIsGetWithoutABody) {
  const auto r = send("HEAD", "/things/abc");
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(r.body.empty());
  EXPECT_EQ(r.headers.get("Content-Length"), "23");
}

TEST_F(RouterTest, ErrorsKeepSecretsAndNameTheRequest) {
  EXPECT_EQ(send("GET", "/things/none").body, R"({"detail":"Thing not found"})");
  const auto r = send("GET", "/things/boom");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.body.find("secret"), std::string::npos);
  EXPECT_NE(r.body.find("req-1"), std::string::npos);
  const auto down = send("GET", "/things/down");
  EXPECT_EQ(down.status, 503);
  EXPECT_EQ(down.headers.get("Retry-After"), "1");
}

TEST_F(RouterTest, AccessIsCheckedBeforeTheBodyIsRead) {
  EXPECT_EQ(send("POST", "/things", "not json", {{"Denied", "1"}}).status, 403);
}

TEST_F(RouterTest, IsAskedOnceWhetherSomebodyMay) {
  Request r;
  r.method = "POST";
  r.path = "/things";
  const auto run = [](auto task) {
    boost::asio::io_context io;
    auto future = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
    io.run();
    return future.get();
  };
  EXPECT_FALSE(run(api_.admit(r)).has_value());
  EXPECT_TRUE(store_.last.empty());
  r.body = R"({"name":"lamp"})";
  EXPECT_EQ(run(api_.handle(r)).status, 201);
  EXPECT_EQ(times_asked_, 1);
  Request denied;
  denied.method = "POST";
  denied.path = "/things";
  denied.headers.add("Denied", "1");
  const auto refusal = run(api_.admit(denied));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 403);
  EXPECT_EQ(times_asked_, 2);
}

TEST_F(RouterTest, SecretAnswersAreNotStored) {
  api_.post("/keys", bound(deps_, create_thing)).open("a test").secret();
  EXPECT_EQ(send("POST", "/keys", R"({"name":"a"})").headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(send("POST", "/keys", "{}").headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(send("POST", "/things", R"({"name":"a"})").headers.find("Cache-Control"), nullptr);
  const auto doc = api_.openapi("1");
  const auto& answer = doc.at("paths").at("/keys").at("post").at("responses").at("201");
  EXPECT_TRUE(answer.at("headers").as_object().contains("Cache-Control"));
}

TEST_F(RouterTest, AnEndpointThatStatesNoAccessIsRefusedAtStart) {
  EXPECT_NO_THROW(api_.check());
  api_.get("/open-by-mistake", [](Raw) -> Task<NoContent> { co_return NoContent{}; });
  EXPECT_THROW(
      try { api_.check(); } catch (const std::logic_error& e) {
        EXPECT_NE(std::string(e.what()).find("/open-by-mistake"), std::string::npos);
        throw;
      },
      std::logic_error);
}

TEST_F(RouterTest, TheSameEndpointTwiceIsAMistake) {
  EXPECT_THROW(api_.get("/things/{id}", bound(deps_, read_thing)), std::logic_error);
}

TEST_F(RouterTest, TheDocumentTellsTheTruth) {
  const auto doc = api_.openapi("1.2.3");
  EXPECT_EQ(doc.at("openapi").as_string(), "3.1.0");
  const auto& post = doc.at("paths").at("/things").at("post");
  EXPECT_EQ(post.at("x-permission").as_string(), "things.write");
  EXPECT_TRUE(post.at("responses").as_object().contains("201"));
  EXPECT_TRUE(post.at("responses").as_object().contains("422"));
  EXPECT_EQ(post.at("requestBody").at("content").at("application/json").at("schema").at("$ref"),
            "#/components/schemas/CreateThing");
  const auto& get = doc.at("paths").at("/things").at("get");
  EXPECT_EQ(get.at("parameters").as_array().size(), 3u);
  EXPECT_EQ(doc.at("components").at("schemas").at("Thing").at("type").as_string(), "object");
  EXPECT_TRUE(get.at("responses").at("429").at("headers").as_object().contains("Retry-After"));
}

TEST_F(RouterTest, TheDocumentTellsWhatElseAnEndpointAnswers) {
  api_.get("/pages", [](Raw) -> Task<Response> { co_return Response::html(200, "x"); })
      .open("a test")
      .produces("text/html", {"text/plain"})
      .also(302, "Elsewhere")
      .fails(409, "There is one")
      .fails_with<Thing>(409, "There is one");
  api_.describe_also([](const EndpointSpec& spec, boost::json::object& responses) {
    if (spec.pattern == "/pages") add_header(responses["200"].as_object(), "X-Request-ID");
  });
  const auto doc = api_.openapi("1.2.3");
  const auto& answers = doc.at("paths").at("/pages").at("get").at("responses");
  EXPECT_TRUE(answers.at("200").at("content").as_object().contains("text/html"));
  EXPECT_TRUE(answers.at("200").at("content").as_object().contains("text/plain"));
  EXPECT_EQ(answers.at("200").at("headers").at("X-Request-ID").at("$ref"),
            "#/components/headers/X-Request-ID");
  EXPECT_FALSE(answers.at("302").as_object().contains("content"));
  EXPECT_TRUE(answers.at("302").at("headers").as_object().contains("Location"));
  const auto& either =
      answers.at("409").at("content").at("application/json").at("schema").at("anyOf").as_array();
  EXPECT_EQ(either.at(0).at("$ref"), "#/components/schemas/Error");
  EXPECT_EQ(either.at(1).at("$ref"), "#/components/schemas/Thing");
  EXPECT_TRUE(doc.at("components").at("headers").as_object().contains("X-Request-ID"));
}

namespace {

struct Refusal {
  std::string error;
};
BOOST_DESCRIBE_STRUCT(Refusal, (), (error))

Task<Response> of_many_kinds(Raw) { co_return Response::text(200, ""); }

}  // namespace

TEST(RouterDocument, NamesEveryKindOfAnswer) {
  Router api;
  api.post("/form", of_many_kinds)
      .open("a test")
      .form<Refusal>()
      .produces("text/html")
      .also(302, "Elsewhere")
      .also(204, "Nothing to say")
      .fails(400, "Wrong")
      .fails_with<Refusal>(400, "Refused")
      .fails_with_page(403, "Shown to people")
      .fails(429, "Too often");
  const auto doc = api.openapi("1");
  const auto& post = doc.at("paths").at("/form").at("post");
  EXPECT_TRUE(post.at("requestBody")
                  .at("content")
                  .as_object()
                  .contains("application/x-www-form-urlencoded"));
  const auto& answers = post.at("responses").as_object();
  EXPECT_TRUE(answers.at("302").at("headers").as_object().contains("Location"));
  EXPECT_FALSE(answers.at("204").as_object().contains("content"));
  EXPECT_EQ(answers.at("400").at("description").as_string(), "Wrong; Refused");
  EXPECT_EQ(answers.at("400")
                .at("content")
                .at("application/json")
                .at("schema")
                .at("anyOf")
                .as_array()
                .size(),
            2u);
  EXPECT_TRUE(answers.at("403").at("content").as_object().contains("text/html"));
  EXPECT_TRUE(answers.at("429").at("headers").as_object().contains("Retry-After"));
  EXPECT_FALSE(answers.contains("415"));
}

}  // namespace pulse::http
