"""Addresses of signing in and out, and of one's own account."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from annotation.accounts import views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("account/", views.AccountView.as_view(), name="account"),
    path("account/changed/", views.AccountChangedView.as_view(), name="account-changed"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
