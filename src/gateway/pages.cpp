#include "gateway/pages.hpp"

#include "platform/errors.hpp"
#include "tenancy/guard.hpp"

namespace pulse::gateway {

namespace {

/// Text as HTML content (the five characters of HTML, 13.1.4).
std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

constexpr const char* not_built = R"html(<!doctype html><html lang="en"><meta charset="utf-8">
<title>Pulse</title><body style="font-family:system-ui;max-width:40rem;margin:4rem auto">
<h1>The web application is not built</h1><p>Run <code>./dev up</code>, or build it in
<code>web/</code> with <code>npm ci && npm run build</code> and point <code>PULSE_WEB_DIR</code> at
its <code>dist</code>. The API is up: see <a href="/docs">/docs</a>.</p>)html";

Task<http::Response> app(PageDeps d, http::Raw request) {
  auto path = std::string_view(request->path);
  path.remove_prefix(std::min(path.size(), std::string_view("/app/").size()));
  if (!path.empty())
    if (auto file = d.web->serve(*request.request, path)) co_return std::move(*file);
  // A file that is named but not there is missing; anything else is a page of the application.
  if (path.starts_with("assets/")) throw not_found("Not found");
  if (auto index = d.web->serve(*request.request, "index.html")) co_return std::move(*index);
  co_return http::Response::html(503, not_built);
}

Task<http::Response> root(PageDeps, http::Raw request) {
  const auto query = request->target.find('?');
  co_return http::Response::redirect(
      "/app/" + (query == std::string::npos ? std::string() : request->target.substr(query)));
}

Task<> allow_documents(PageDeps d, http::Raw request) {
  if (d.open_documents) co_return;
  bool by_cookie = false;
  auto token = tenancy::token_of(*request.request, by_cookie);
  if (token.empty()) throw unauthorized("Authentication required");
  const auto who = co_await d.tokens->verify(std::move(token), request->client_address);
  if (!who.is_operator()) throw forbidden("Operator role required");
}

const std::string style = R"css(
body{font:14px/1.5 system-ui,sans-serif;margin:0;color:#1b1f24;background:#fff}
main{max-width:60rem;margin:0 auto;padding:24px}
h1{font-size:24px}h2{font-size:18px;margin-top:32px;border-bottom:1px solid #d0d7de}
details{border:1px solid #d0d7de;border-radius:6px;margin:8px 0}
summary{padding:8px 12px;cursor:pointer;display:flex;gap:12px;align-items:baseline;flex-wrap:wrap}
summary b{min-width:4.5em}code,pre{font:12px/1.5 ui-monospace,monospace}
pre{background:#f6f8fa;padding:12px;overflow:auto;border-radius:6px;margin:8px 12px}
p,ul{margin:8px 12px}.p{color:#57606a;margin-left:auto}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}
pre{background:#161b22}details,h2{border-color:#30363d}.p{color:#8b949e}a{color:#58a6ff}}
)css";

/// JSON over several lines.
void pretty(const boost::json::value& v, std::string& out, int depth = 0) {
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  const auto close = [&](char c) {
    out.append("\n").append(static_cast<std::size_t>(depth) * 2, ' ').append(1, c);
  };
  if (v.is_object() && !v.get_object().empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : v.get_object()) {
      out.append(first ? "\n" : ",\n").append(indent).append(json::to_text(std::string_view(key)));
      out += ": ";
      pretty(item, out, depth + 1);
      first = false;
    }
    close('}');
  } else if (v.is_array() && !v.get_array().empty()) {
    out += '[';
    bool first = true;
    for (const auto& item : v.get_array()) {
      out.append(first ? "\n" : ",\n").append(indent);
      pretty(item, out, depth + 1);
      first = false;
    }
    close(']');
  } else {
    out += json::to_text(v);
  }
}

/// One operation of the document as a block that opens.
std::string operation_html(std::string_view method, std::string_view path,
                           const boost::json::object& operation) {
  const auto text = [&](const char* name) {
    const auto* v = operation.if_contains(name);
    return v && v->is_string() ? html(v->get_string()) : std::string();
  };
  std::string upper(method);
  for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string out = "<details><summary><b>" + upper + "</b> <code>" + html(path) + "</code> <span>" +
                    text("summary") + "</span><span class=p>" + text("x-permission") +
                    "</span></summary>";
  if (const auto d = text("description"); !d.empty()) out += "<p>" + d + "</p>";
  for (const char* part : {"parameters", "requestBody", "responses"}) {
    const auto* v = operation.if_contains(part);
    if (!v) continue;
    std::string body;
    pretty(*v, body);
    out += std::string("<p>") + part + "</p><pre>" + html(body) + "</pre>";
  }
  return out + "</details>";
}

/// The document as a page of our own: no script, no other host.
std::string documents_page(const boost::json::value& document) {
  std::map<std::string, std::string> by_tag;
  for (const auto& [path, operations] : document.at("paths").as_object())
    for (const auto& [method, operation] : operations.as_object()) {
      const auto* tags = operation.as_object().if_contains("tags");
      const std::string tag = tags && tags->is_array() && !tags->get_array().empty()
                                  ? std::string(tags->get_array()[0].as_string())
                                  : "Other";
      by_tag[tag] += operation_html(method, path, operation.as_object());
    }
  std::string out = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
                    "content=\"width=device-width\"><title>Pulse API</title><style>" + style +
                    "</style><main><h1>Pulse API</h1><p>OpenAPI 3.1: <a href=/openapi.json>"
                    "/openapi.json</a></p>";
  for (const auto& [tag, operations] : by_tag) out += "<h2>" + html(tag) + "</h2>" + operations;
  std::string components;
  if (const auto* c = document.as_object().if_contains("components")) pretty(*c, components);
  return out + "<h2>Components</h2><pre>" + html(components) + "</pre></main></html>";
}

Task<http::Response> documents(PageDeps d, http::Raw request) {
  co_await allow_documents(d, request);
  co_return http::Response::html(200, documents_page(d.router->openapi(d.version)));
}

Task<http::Response> openapi(PageDeps d) {
  co_return http::Response::json(200, json::to_text(d.router->openapi(d.version)));
}

Task<http::Response> moved(PageDeps, http::Raw request) {
  co_return http::Response::redirect("/api/v1" + request->target, 308)
      .with("X-Deprecated-Path", request->path);
}

}  // namespace

void mount_pages(http::Router& api, PageDeps d) {
  api.get("/", http::bound(d, root)).open("goes to the application").hidden();
  api.get("/app", http::bound(d, app)).open("the application signs people in itself").hidden();
  api.get("/app/{path*}", http::bound(d, app)).open("the application signs people in itself")
      .hidden();
  api.get("/docs", http::bound(d, documents)).open("outside DEV the handler wants an operator")
      .tag("Documents").produces("text/html").summary("This document as a page")
      .fails(401, "Authentication required").fails(403, "Operator role required");
  api.get("/redoc", http::bound(d, documents)).open("outside DEV the handler wants an operator")
      .tag("Documents").produces("text/html").summary("This document as a page")
      .fails(401, "Authentication required").fails(403, "Operator role required");
  api.get("/openapi.json", http::bound(d, openapi)).open("describes the interface, no data")
      .tag("Documents").summary("The OpenAPI 3.1 document").returns<boost::json::object>();
  for (const char* base : {"/customer/{path*}", "/operator/{path*}"}) {
    api.get(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.post(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.put(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.patch(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.del(base, http::bound(d, moved)).open("only tells the new path").hidden();
  }
}

}  // namespace pulse::gateway
