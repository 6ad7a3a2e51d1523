"""Finish, check, serve and publish a built site."""
