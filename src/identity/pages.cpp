// The pages that people see: signing in, and why it can't go on. No script; style by nonce.
#include "identity/pages.hpp"

#include "platform/crypto/crypto.hpp"

namespace pulse::identity {

std::string html_text(std::string_view text) {
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

namespace {

std::string html(std::string_view text) { return html_text(text); }

// The values of the web application's look, and its font: the build of the application puts the
// file at this fixed path. An issuer that serves no application falls back to the system's font.
const std::string page_style = R"css(
@font-face{font-family:"Inter Variable";font-weight:100 900;font-display:swap;
src:url(/app/fonts/inter.woff2) format("woff2-variations")}
:root{color-scheme:light dark;--bg:#f7f8f9;--surface:#fff;--line:#e3e6ea;--field:#8a95a1;
--ink:#14181d;--ink-2:#4b5560;--accent:#0b6e6e;--accent-ink:#fff;--focus:#0b6e6e;
--critical:#c3242a;--critical-soft:#fdeaea;--soft:#f1f3f5;
--shadow:0 1px 2px rgb(16 24 32/.06),0 6px 20px rgb(16 24 32/.06)}
@media(prefers-color-scheme:dark){:root{--bg:#0e1114;--surface:#14181c;--line:#252b31;
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
input[readonly]{background:var(--soft)}
button,.button{width:100%;height:40px;margin-top:8px;border:0;border-radius:6px;font:inherit;
font-weight:600;background:var(--accent);color:var(--accent-ink);cursor:pointer}
button:hover,.button:hover{filter:brightness(1.08)}
.button{display:block;margin-top:24px;line-height:40px;text-align:center;text-decoration:none}
.aside{margin-top:16px;text-align:center}.aside a{color:var(--accent);font-weight:600}
a:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:4px}
.error ul{margin:0;padding-left:16px}
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
      "content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" "
      "content=\"no-referrer\"><title>" +
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
  if (!p.forgot.empty())
    body += "<p class=\"aside\"><a href=\"" + html(p.forgot) + "\">Forgot password?</a></p>";
  if (!p.hint.empty()) body += "<p class=\"hint\">" + html(p.hint) + "</p>";
  // Browsers apply form-action to where the answer redirects, too.
  return page(status, "Sign in", body, "'self' " + p.redirect_origin);
}

http::Response password_page(const PasswordPage& p, int status) {
  std::string body = "<h1>" + html(p.title) + "</h1><p>" + html(p.text) + "</p>";
  body += "<form method=\"post\" action=\"" + html(p.action) + "\">";
  if (!p.faults.empty()) {
    body += "<div class=\"error\" id=\"error\" role=\"alert\"><ul>";
    for (const auto& fault : p.faults) body += "<li>" + html(fault) + "</li>";
    body += "</ul></div>";
  }
  const std::string invalid = p.faults.empty() ? "" : " aria-invalid=\"true\"";
  const std::string described =
      p.faults.empty() ? " aria-describedby=\"rules\"" : " aria-describedby=\"error rules\"";
  body += "<input type=\"hidden\" name=\"request\" value=\"" + html(p.request) + "\">";
  body +=
      "<label for=\"username\">User name</label><input id=\"username\" name=\"username\" "
      "autocomplete=\"username\" readonly value=\"" +
      html(p.username) + "\">";
  body +=
      "<label for=\"password\">New password</label><input id=\"password\" name=\"password\" "
      "type=\"password\" autocomplete=\"new-password\" maxlength=\"1024\" required autofocus" +
      invalid + described + ">";
  body +=
      "<label for=\"confirmation\">The same again</label><input id=\"confirmation\" "
      "name=\"confirmation\" type=\"password\" autocomplete=\"new-password\" "
      "maxlength=\"1024\" required" +
      invalid + ">";
  body +=
      "<p id=\"rules\">At least 10 characters; not your user name or email, and not one of the "
      "commonest.</p>";
  body += "<button type=\"submit\">Set password</button></form>";
  const auto on = p.redirect_origin.empty() ? "" : " " + p.redirect_origin;
  return page(status, p.title, body, "'self'" + on);
}

http::Response forgot_page(const ForgotPage& p) {
  std::string body =
      "<h1>Forgot your password?</h1><p>Enter the email address of your account. We send you a "
      "link "
      "that lets you choose a new password.</p>";
  body += "<form method=\"post\" action=\"" + html(p.action) + "\">";
  body += "<input type=\"hidden\" name=\"request\" value=\"" + html(p.request) + "\">";
  body +=
      "<label for=\"email\">Email</label><input id=\"email\" name=\"email\" type=\"email\" "
      "autocomplete=\"email\" maxlength=\"254\" required autofocus>";
  body += "<button type=\"submit\">Send the link</button></form>";
  body += "<p class=\"aside\"><a href=\"" + html(p.back) + "\">Back to sign in</a></p>";
  return page(200, "Forgot password", body, "'self'");
}

http::Response message_page(int status, const std::string& title, const std::string& text,
                            const PageLink& on) {
  std::string body = "<h1>" + html(title) + "</h1><p>" + html(text) + "</p>";
  if (!on.url.empty())
    body += "<a class=\"button\" href=\"" + html(on.url) + "\">" + html(on.text) + "</a>";
  return page(status, title, body, "'none'");
}

}  // namespace pulse::identity
