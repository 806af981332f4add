#pragma once
// The pages that people see at the issuer. No script; style by nonce; texts are escaped here.
#include <string>
#include <vector>

#include "platform/http/message.hpp"

namespace pulse::identity {

/// Text for HTML: elements and attributes.
std::string html_text(std::string_view text);

struct SignInPage {
  std::string action;           ///< where the form goes
  std::string request;          ///< travels in the form
  std::string redirect_origin;  ///< where the form's answer leads
  std::string forgot;           ///< where a forgotten password is told
  std::string username, error, hint;
};
http::Response sign_in_page(const SignInPage& p, int status);

/// Where someone chooses a password.
struct PasswordPage {
  std::string action, request;
  std::string redirect_origin;  ///< empty: the form's answer stays here
  std::string title, text;
  std::string username;  ///< whose password; shown, so that browsers keep the two together
  std::vector<std::string> faults;
};
http::Response password_page(const PasswordPage& p, int status);

/// Where someone without a password asks for the email.
struct ForgotPage {
  std::string action, request;
  std::string back;  ///< to the sign-in
};
http::Response forgot_page(const ForgotPage& p);

/// Where a message leads on.
struct PageLink {
  std::string url, text;
};
/// A page that says why it can't go on, or that it is over.
http::Response message_page(int status, const std::string& title, const std::string& text,
                            const PageLink& on = {});

}  // namespace pulse::identity
