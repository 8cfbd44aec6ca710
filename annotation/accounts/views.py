"""Signing in and out."""

from django.contrib.auth import views as auth_views


class LoginView(auth_views.LoginView):
    """The sign-in page; who is signed in already goes on to the regions."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True
