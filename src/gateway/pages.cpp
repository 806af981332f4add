#include "gateway/pages.hpp"

#include "platform/errors.hpp"
#include "tenancy/guard.hpp"

namespace pulse::gateway {

namespace {

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

constexpr const char* documents_not_built =
    R"html(<!doctype html><html lang="en"><meta charset="utf-8">
<title>Pulse API</title><body style="font-family:system-ui;max-width:40rem;margin:4rem auto">
<h1>The documentation's pages are not built</h1><p>They come with the web application: run
<code>./dev up</code>, or build it in <code>web/</code>. The document itself is there:
<a href="/openapi.json">/openapi.json</a>.</p>)html";

/// A page of the web build about the interface. Both draw with styles in elements and pictures in
/// the text; ReDoc searches in a worker made of a blob. Nothing comes from or goes to another host.
Task<http::Response> documents(PageDeps d, http::Raw request, const char* file) {
  co_await allow_documents(d, request);
  auto page = d.web->serve(*request.request, file);
  if (!page) co_return http::Response::html(503, documents_not_built);
  page->headers.set("Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
                    "worker-src blob:; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'");
  co_return std::move(*page);
}

Task<http::Response> swagger_ui(PageDeps d, http::Raw request) {
  co_return co_await documents(std::move(d), request, "api-docs/swagger.html");
}

Task<http::Response> redoc(PageDeps d, http::Raw request) {
  co_return co_await documents(std::move(d), request, "api-docs/redoc.html");
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
  api.get("/app/{path*}", http::bound(d, app))
      .open("the application signs people in itself")
      .hidden();
  const auto page_of_documents = [&](const char* path, auto handler, const char* summary) {
    api.get(path, http::bound(d, handler))
        .open("outside DEV the handler wants an operator")
        .tag("Documents")
        .produces("text/html")
        .summary(summary)
        .fails(401, "Authentication required")
        .fails(403, "Operator role required")
        .fails_with_page(503, "The web application is not built");
  };
  page_of_documents("/docs", swagger_ui, "This document in Swagger UI, where calls can be tried");
  page_of_documents("/redoc", redoc, "This document in ReDoc, to read");
  api.get("/openapi.json", http::bound(d, openapi))
      .open("describes the interface, no data")
      .tag("Documents")
      .summary("The OpenAPI 3.1 document")
      .returns<boost::json::object>();
  for (const char* base : {"/customer/{path*}", "/operator/{path*}"}) {
    api.get(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.post(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.put(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.patch(base, http::bound(d, moved)).open("only tells the new path").hidden();
    api.del(base, http::bound(d, moved)).open("only tells the new path").hidden();
  }
}

}  // namespace pulse::gateway
