"""The pure core: decides, touches neither database nor clock."""
