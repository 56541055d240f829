"""What the gateway tells others of a chat: the bot, a council's own systems, people away from their desk."""
