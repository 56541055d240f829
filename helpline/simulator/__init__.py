"""A phone on the screen: chat with the assistant as on Telegram, without Telegram."""
