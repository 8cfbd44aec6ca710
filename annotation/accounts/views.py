"""Signing in and out, and one's own account."""

from django.contrib.auth import views as auth_views
from django.urls import reverse_lazy


class LoginView(auth_views.LoginView):
    """The sign-in page; who is signed in already goes on to the regions."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True


class AccountView(auth_views.PasswordChangeView):
    """One's own account: role, password, and the token for programs."""

    template_name = "accounts/account.html"
    success_url = reverse_lazy("account-changed")
    extra_context = {"active": "account", "page": {}}


class AccountChangedView(AccountView):
    """The same page after the password was changed."""

    extra_context = {**AccountView.extra_context, "changed": True}
