// The pages that people see: signing in, and why it can't go on. No script; style by nonce.
#include "identity/issuer.hpp"

namespace pulse::identity {

namespace {

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// The values of the web application's look.
const std::string page_style = R"css(
:root{color-scheme:light dark;--bg:#f7f8f9;--surface:#fff;--line:#e3e6ea;--field:#8a95a1;
--ink:#14181d;--ink-2:#4b5560;--accent:#0b6e6e;--accent-ink:#fff;--focus:#0b6e6e;
--critical:#c3242a;--critical-soft:#fdeaea;--soft:#f1f3f5;
--shadow:0 1px 2px rgb(16 24 32/.06),0 6px 20px rgb(16 24 32/.06)}
@media(prefers-color-scheme:dark){:root{--bg:#0e1114;--surface:#14181c;--line:#252b31;
@font-face{font-family:"Inter Variable";font-weight:100 900;font-display:swap;
src:url(/app/fonts/inter.woff2) format("woff2-variations")}
--field:#66707b;--ink:#e8ecf0;--ink-2:#aab4be;--accent:#3fb8b0;--accent-ink:#07201f;--focus:#5cd0c8;
--critical:#ff6369;--critical-soft:#341618;--soft:#1a1f24;
--shadow:0 1px 2px rgb(0 0 0/.4),0 8px 24px rgb(0 0 0/.35)}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--bg);
color:var(--ink);font:400 13px/20px "Inter Variable",Inter,system-ui,sans-serif;
font-feature-settings:"cv11","ss03"}
main{width:min(380px,100%);background:var(--surface);border:1px solid var(--line);
border-radius:10px;padding:32px;box-shadow:var(--shadow)}
.brand{display:flex;align-items:center;gap:10px;margin:0 0 24px;font-size:15px;font-weight:700}
.brand svg{color:var(--accent)}
h1{font-size:20px;line-height:28px;font-weight:700;letter-spacing:-.01em;margin:0 0 8px;
overflow-wrap:anywhere}
p{margin:0;color:var(--ink-2);overflow-wrap:anywhere}
form{margin-top:24px}label{display:block;font-size:13px;font-weight:600;margin:0 0 4px}
input{width:100%;height:40px;padding:0 12px;margin:0 0 16px;border:1px solid var(--field);
border-radius:6px;font:inherit;font-size:16px;background:var(--surface);color:var(--ink)}
input[aria-invalid]{border-color:var(--critical)}
input:focus-visible,button:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
button{width:100%;height:40px;margin-top:8px;border:0;border-radius:6px;font:inherit;
font-weight:600;background:var(--accent);color:var(--accent-ink);cursor:pointer}
button:hover{filter:brightness(1.08)}
.error{margin:0 0 16px;padding:8px 12px;border-radius:6px;background:var(--critical-soft);
color:var(--critical);font-size:13px;font-weight:600}
.hint{margin-top:24px;padding:8px 12px;border-radius:6px;background:var(--soft);font-size:13px}
)css";

constexpr const char* brand =
    "<div class=\"brand\"><svg width=\"18\" height=\"18\" viewBox=\"0 0 24 24\" "
    "aria-hidden=\"true\"><circle cx=\"12\" cy=\"12\" r=\"10\" fill=\"none\" "
    "stroke=\"currentColor\" "
    "stroke-width=\"2\"/><circle cx=\"12\" cy=\"12\" r=\"5.5\" fill=\"currentColor\"/></svg>"
    "Pulse</div>";

http::Response page(int status, const std::string& title, const std::string& body,
                    const std::string& form_action) {
  const auto nonce = crypto::random_token(16);
  auto r = http::Response::html(
      status,
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><title>" +
          html(title) + " - Pulse</title><style nonce=\"" + nonce + "\">" + page_style +
          "</style></head><body><main>" + brand + body + "</main></body></html>");
  r.headers.set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-" + nonce +
                                               "'; font-src 'self'; form-action " + form_action +
                                               "; base-uri 'none'; frame-ancestors 'none'");
  r.headers.set("Cache-Control", "no-store");
  return r;
}

}  // namespace

http::Response sign_in_page(const SignInPage& p, int status) {
  const std::string invalid =
      p.error.empty() ? "" : " aria-invalid=\"true\" aria-describedby=\"error\"";
  const std::string focus = " autofocus";
  std::string body =
      "<h1>Sign in to your fleet</h1>"
      "<p>Live status, telemetry and control of every device that you run.</p>";
  body += "<form method=\"post\" action=\"" + html(p.action) + "\">";
  if (!p.error.empty())
    body += "<p class=\"error\" id=\"error\" role=\"alert\">" + html(p.error) + "</p>";
  body += "<input type=\"hidden\" name=\"request\" value=\"" + html(p.request) + "\">";
  body +=
      "<label for=\"username\">User name or email</label><input id=\"username\" "
      "name=\"username\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" "
      "maxlength=\"320\" required value=\"" +
      html(p.username) + "\"" + invalid + (p.username.empty() ? focus : "") + ">";
  body +=
      "<label for=\"password\">Password</label><input id=\"password\" name=\"password\" "
      "type=\"password\" autocomplete=\"current-password\" maxlength=\"1024\" required" +
      invalid + (p.username.empty() ? "" : focus) + ">";
  body += "<button id=\"kc-login\" type=\"submit\">Sign in</button></form>";
  if (!p.hint.empty()) body += "<p class=\"hint\">" + html(p.hint) + "</p>";
  // Browsers apply form-action to where the answer redirects, too.
  return page(status, "Sign in", body, "'self' " + p.redirect_origin);
}

http::Response message_page(int status, const std::string& title, const std::string& text) {
  return page(status, title, "<h1>" + html(title) + "</h1><p>" + html(text) + "</p>", "'none'");
}

}  // namespace pulse::identity
